import type { QoS } from "../protocol/packet-type.ts";
import type { MessageDocument } from "./documents.ts";
import type { Message } from "./message.ts";
import { type MessageOrigin, messageOf } from "./message-content.ts";
import { keyOf, type MessageKey } from "./message-key.ts";
import { MessageRecord } from "./message-record.ts";
import type { Recovered } from "./recover.ts";
import type { RecoveredMessage } from "./recovered-message.ts";
import type { Segment } from "./segment.ts";
import { stateKey } from "./state-key.ts";
import type { StoreContents } from "./store-contents.ts";

export interface Restoring extends MessageOrigin {
  /** The client need not get this message any more, and the disk does not say so. */
  noteDone(clientId: string, key: MessageKey): void;
}

/** Puts the messages that were read, and that still count, into the contents of a store; takes them out of `recovered`. */
export function restoreMessages(recovered: Recovered, contents: StoreContents, restoring: Restoring): void {
  new MessageRestorer(recovered.state, contents, restoring).restore(recovered.messages);
}

class MessageRestorer {
  readonly #state: Recovered["state"];
  readonly #contents: StoreContents;
  readonly #restoring: Restoring;

  constructor(state: Recovered["state"], contents: StoreContents, restoring: Restoring) {
    this.#state = state;
    this.#contents = contents;
    this.#restoring = restoring;
  }

  restore(messages: RecoveredMessage[]): void {
    for (let i = 0; i < messages.length; i++) {
      this.#restoreMessage(messages[i] as RecoveredMessage);
      messages[i] = null as never; // there may be a hundred thousand: not to be held twice
    }
  }

  /** Of a session that began anew since, or that is no more, nothing is left. */
  #isFor(clientId: string, { n, b }: MessageDocument): boolean {
    const session = this.#contents.sessions.get(clientId);
    if (session === undefined) return this.#contents.subscriptions.ofClient(clientId).length > 0;
    return b !== undefined || n > session.beganAfter;
  }

  #restoreMessage(recovered: RecoveredMessage): void {
    const { document, place } = recovered;
    const { home } = this.#restoring;
    const key = keyOf(document.b ?? home, document.n, home);
    // A session that was discarded, and a message of which only the release is left: to be said again, or it would be
    // back at the next start, when the release is done with.
    const isLeft = (clientId: string): boolean => {
      if (this.#isFor(clientId, document) && !this.#state.has(stateKey("released", clientId, key))) return true;
      this.#restoring.noteDone(clientId, key);
      return false;
    };
    const { only } = recovered;
    if (only !== undefined) {
      if (!isLeft(only)) return;
      const message = this.#restoreRecord(document, document.q, [only], place);
      return this.#contents.outgoing.restore(only, key, message, recovered.wasSentTo(only));
    }
    const receivers = [...recovered.receivers].filter(([clientId]) => isLeft(clientId));
    if (receivers.length === 0) return;
    const highest = receivers.some(([, qos]) => qos === 2) ? 2 : 1;
    const message = this.#restoreRecord(
      document,
      highest,
      receivers.map(([clientId]) => clientId),
      place,
    );
    for (const [clientId, qos] of receivers) {
      const lowered = message.at(qos);
      if (lowered !== message) {
        (message.record as MessageRecord).setQoS(clientId, qos);
        lowered.kind = message.kind;
        lowered.publishedAt = message.publishedAt;
        lowered.keep();
      }
      this.#contents.outgoing.restore(clientId, key, lowered, recovered.wasSentTo(clientId));
    }
  }

  #restoreRecord(document: MessageDocument, qos: QoS, clientIds: string[], place: Segment): Message {
    const message = messageOf(document, this.#restoring, qos);
    const key = keyOf(message.brokerId, document.n, this.#restoring.home);
    const { durability } = this.#contents.outgoing;
    // It is on the disk, whatever is promised by now: that it is settled has to be written too, or it would come back.
    const record = new MessageRecord(message, key, durability === "memory" ? "written" : durability);
    message.record = record;
    for (const clientId of clientIds) record.addReceiver(clientId, qos);
    record.written = true;
    record.accept();
    place.hold(record);
    this.#contents.outgoing.usage.add(message);
    return message;
  }
}
