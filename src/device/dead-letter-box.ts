import type { Message } from "../store/message.ts";
import type { DropReason } from "./counters.ts";

/** Whom a message was for. */
export interface Destination {
  readonly kind: "device" | "queue" | "group" | "shared-subscription" | "bridge";
  /** Client id, name of the queue, group or bridge, or the whole filter of the shared subscription. */
  readonly name: string;
}

/** Where messages go that will not be delivered. */
export interface DeadLetterBox {
  /** Takes the message where the reason is one for which messages are kept. */
  put(message: Message, reason: DropReason, destination: Destination): void;
}
