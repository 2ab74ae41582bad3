import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** Where a listener listens. */
export interface ListenerAddress {
  host: string;
  port: number;
}

/** What a listener is given: it knows no broker, it gets callbacks. */
export interface ListenerParts {
  /** Takes one byte stream that speaks MQTT. */
  accept(stream: Duplex, request?: IncomingMessage): void;
  /** A peer was turned away before it could speak MQTT. */
  refused(remote: string, why: string): void;
  /** The listener failed after it had started. */
  failed(error: Error): void;
}

/** Accepts byte streams. */
export interface Listener {
  /** Rejects with ERR_LISTEN where the address cannot be had. */
  start(): Promise<ListenerAddress>;
  /** Accepts no more. Streams that were accepted live on. */
  stop(): Promise<void>;
}
