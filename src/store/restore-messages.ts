import type { QoS } from "../protocol/packet-type.ts";
import type { PublishProperties } from "../protocol/publish-properties.ts";
import type { MessageDocument } from "./documents.ts";
import { Message, type MessageKind } from "./message.ts";
import { keyOf, type MessageKey } from "./message-key.ts";
import { MessageRecord } from "./message-record.ts";
import { propertiesOfText } from "./properties-text.ts";
import type { Recovered } from "./recover.ts";
import type { RecoveredMessage } from "./recovered-message.ts";
import type { Segment } from "./segment.ts";
import { stateKey } from "./state-key.ts";
import type { StoreContents } from "./store-contents.ts";
import type { StoredPublish } from "./stored-packets.ts";

/** What has to be known beside what was read. */
export interface Restoring {
  /** Id of the gateway. */
  home: string;
  /** What class of messages those of a topic belong to. */
  kindOf: ((topic: string) => MessageKind) | undefined;
  /** The client need not get this message any more, and the disk does not say so. */
  noteDone(clientId: string, key: MessageKey): void;
}

/** Puts the messages that were read, and that still count, into the contents of a store; takes them out of `recovered`. */
export function restoreMessages(recovered: Recovered, contents: StoreContents, restoring: Restoring): void {
  new MessageRestorer(recovered.state, contents, restoring).restore(recovered.messages);
}

/** Payloads are decoded here on their way into the memory of waiting messages. */
let scratch = Buffer.alloc(65536);

function messageOf(document: MessageDocument, brokerId: string, qos: QoS): Message {
  const { p } = document;
  if (p.length > scratch.length) scratch = Buffer.alloc(p.length);
  // Written out: spreading one object into another is most of what this would cost.
  const packet: StoredPublish = {
    cmd: "publish",
    brokerId: document.b ?? brokerId,
    brokerCounter: document.n,
    topic: document.t,
    payload: scratch.subarray(0, scratch.write(p, "base64")),
    qos,
    retain: document.r !== undefined,
    dup: false,
    clientId: document.o,
    properties: document.x === undefined ? undefined : propertiesOf(document.x, document.at * 1000),
  };
  const message = new Message(packet, qos, document.r === 1);
  message.publishedAt = document.at;
  message.keep();
  return message;
}

/** Those of files that do not say when they expire count from when the message came. */
function propertiesOf(x: string, publishedAtMs: number): PublishProperties | undefined {
  const properties = propertiesOfText(x);
  if (publishedAtMs > 0) properties?.startAt(publishedAtMs);
  return properties;
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
    const { home, kindOf } = this.#restoring;
    const message = messageOf(document, home, qos);
    if (kindOf !== undefined) message.kind = kindOf(document.t);
    const key = keyOf(message.brokerId, document.n, home);
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
