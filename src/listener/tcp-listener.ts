import { createServer, type Server } from "node:net";
import { listen } from "./listen.ts";
import type { Listener, ListenerAddress, ListenerParts } from "./listener.ts";

export interface TcpListenerOptions {
  host: string;
  port: number;
  connectionsMax: number;
}

/** MQTT over TCP. */
export class TcpListener implements Listener {
  readonly #options: TcpListenerOptions;
  readonly #parts: ListenerParts;
  #server: Server | null = null;

  constructor(options: TcpListenerOptions, parts: ListenerParts) {
    this.#options = options;
    this.#parts = parts;
  }

  async start(): Promise<ListenerAddress> {
    const { host, port, connectionsMax } = this.#options;
    const server = createServer({ noDelay: true }, (socket) => this.#parts.accept(socket));
    server.maxConnections = connectionsMax;
    server.on("drop", (dropped) => {
      this.#parts.refused(
        `${dropped?.remoteAddress}:${dropped?.remotePort}`,
        `the listener has ${connectionsMax} connections, which is its limit`,
      );
    });
    const address = await listen(server, host, port);
    server.on("error", (error) => this.#parts.failed(error));
    this.#server = server;
    return address;
  }

  async stop(): Promise<void> {
    this.#server?.close();
    this.#server = null;
  }
}
