import type { IConnackPacket, MqttClient } from "mqtt";
import type { LinkOptions } from "./client-options.ts";
import type { Clock } from "./clock.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { StreamPlan } from "./ledger/stream.ts";
import { encodePayload } from "./payload.ts";
import { publishProperties } from "./version5/publish-properties.ts";
import { packetIdentifierNotFound } from "./version5/reason-code.ts";
import { SendWindow } from "./version5/send-window.ts";

/** A stream as its device publishes it. */
export type Channel = Omit<StreamPlan, "sender" | "version"> & { retain?: boolean };

type OutgoingParts = { ledger: Ledger; clock: Clock; client: () => MqttClient; isOnline: () => boolean };

/** What one device publishes, over all of its connections, booked when it is sent and when it is acknowledged. */
export class Outgoing {
  readonly #options: LinkOptions;
  readonly #parts: OutgoingParts;
  readonly #window: SendWindow;
  #connections = 0;

  constructor(options: LinkOptions, parts: OutgoingParts) {
    this.#options = options;
    this.#parts = parts;
    this.#window = new SendWindow(parts.isOnline);
  }

  publish({ flow, topic, qos, retain = false, expirySeconds }: Channel, body: Uint8Array): void {
    const { run, name, version } = this.#options;
    const { ledger, clock, client } = this.#parts;
    const sentAtMs = clock.nowMs();
    const sequence = ledger.sending(topic, sentAtMs);
    const stamp = { run, sender: name, topic, sequence, sentAtMs };
    const payload = encodePayload(stamp, body);
    const properties = version === 5 ? { properties: publishProperties(stamp, flow, expirySeconds) } : {};
    const options = { qos, retain, ...properties };
    if (qos === 0) {
      client().publish(topic, payload, options);
      return;
    }
    this.#window.send(() => {
      const connection = this.#connections;
      client().publish(topic, payload, options, (error) => {
        if (!error || this.#isForgotten(error, connection)) ledger.acknowledged(topic, sequence, clock.nowMs());
        this.#window.settled();
      });
    });
  }

  /** A connection begins. What is in flight MQTT.js sends again, one by one; the rest waits for `resume`. */
  connected({ properties }: IConnackPacket): void {
    this.#connections++;
    if (this.#options.version === 5) this.#window.max = properties?.receiveMaximum ?? Number.POSITIVE_INFINITY;
  }

  resume(): void {
    this.#window.fill();
  }

  /**
   * MQTT.js calls back without an error at PUBACK and PUBCOMP only, also if that comes after a reconnection. Then a
   * gateway that is done with the message may not know its packet id any more (MQTT 5, 2.4).
   */
  #isForgotten(error: Error & { code?: unknown }, connection: number): boolean {
    return error.code === packetIdentifierNotFound && this.#connections > connection;
  }
}
