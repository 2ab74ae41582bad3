import type { Duplex } from "node:stream";
import type { IPublishPacket, Packet } from "mqtt";
import type { Habits } from "./habits.ts";
import { PublishTap } from "./publish-tap.ts";
import type { WireProperties } from "./read-publish.ts";
import {
  failuresOf,
  packetIdentifierNotFound,
  reasonText,
  serverShuttingDown,
  sessionTakenOver,
} from "./reason-code.ts";

/** What excuses a reason code. */
export type Circumstances = {
  /** The device has come back and sends again what was unacknowledged. */
  isRecovering: boolean;
  /** The run stops the gateway. */
  isStopping: boolean;
};

/** All that an MQTT 5 device hears beyond 3.1.1, over all of its connections; `fault` is told what must not be. */
export class Listening {
  readonly #habits: Habits;
  readonly #fault: (what: string, detail?: string) => void;
  // A QoS 2 message is handed on at its PUBREL, perhaps on another connection, as the same packet.
  readonly #properties = new WeakMap<Packet, WireProperties>();
  #tap: PublishTap | undefined;

  constructor(habits: Habits, fault: (what: string, detail?: string) => void) {
    this.#habits = habits;
    this.#fault = fault;
  }

  /** To be called for each connection, before its stream has given anything. */
  listenTo(stream: Pick<Duplex, "prependListener">): void {
    this.#tap = new PublishTap(stream, this.#habits, this.#fault);
  }

  sent(packet: Packet): void {
    if (packet.cmd === "puback" || packet.cmd === "pubcomp") this.#tap?.acknowledged(packet.messageId!);
  }

  received(packet: Packet, circumstances: Circumstances): void {
    if (packet.cmd === "publish") {
      const properties = this.#tap?.take(packet);
      if (properties !== undefined) this.#properties.set(packet, properties);
      return;
    }
    for (const code of failuresOf(packet)) {
      if (isExcused(packet, code, circumstances)) continue;
      const reason = "properties" in packet ? (packet.properties as { reasonString?: string }).reasonString : undefined;
      this.#fault(`the gateway sent ${packet.cmd.toUpperCase()} ${reasonText(code)}`, reason);
    }
  }

  propertiesOf(packet: IPublishPacket): WireProperties | undefined {
    return this.#properties.get(packet);
  }
}

function isExcused({ cmd }: Packet, code: number, { isRecovering, isStopping }: Circumstances): boolean {
  if (cmd === "disconnect") return code === sessionTakenOver || (code === serverShuttingDown && isStopping);
  // "This is not an error during recovery" (MQTT 5, 2.4).
  return code === packetIdentifierNotFound && isRecovering;
}
