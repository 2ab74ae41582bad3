import type { QoS } from "../protocol/packet-type.ts";
import type { PublishProperties } from "../protocol/publish-properties.ts";
import { Message, type MessageKind } from "./message.ts";
import { propertiesOfText, propertiesText } from "./properties-text.ts";
import type { StoredPublish } from "./stored-packets.ts";

/** What a document has of a message. Payloads are base64, since NeDB keeps no bytes; properties (`x`) are as in `properties-text.ts`. */
export interface MessageContent {
  /** The number of the message, which identifies it and gives its place in the order and its packet id. */
  n: number;
  /** Id of the gateway that it came from, where that is another. */
  b?: string;
  t: string;
  p: string;
  q: QoS;
  /** 1: goes out with the retain flag; 2: goes out without it, and its publisher had it retained. */
  r?: 1 | 2;
  /** Client id of the publisher. */
  o?: string;
  x?: string;
  /** When it came, in seconds since the Unix epoch. */
  at: number;
}

/** Adds what not every message has. `home` is the id of this gateway. */
export function noteContent(document: MessageContent, message: Message, home: string): void {
  if (message.brokerId !== home) document.b = message.brokerId;
  if (message.retain) document.r = 1;
  else if (message.publishedRetained) document.r = 2;
  if (message.clientId !== undefined) document.o = message.clientId;
  if (message.properties !== undefined) document.x = propertiesText(message.properties);
}

/** What has to be known beside what was read. */
export interface MessageOrigin {
  /** Id of the gateway. */
  home: string;
  /** What class of messages those of a topic belong to. */
  kindOf: ((topic: string) => MessageKind) | undefined;
}

/** Payloads are decoded here on their way into the memory of messages that are kept. */
let scratch = Buffer.alloc(65536);

/** The message at this QoS, kept. */
export function messageOf(document: MessageContent, { home, kindOf }: MessageOrigin, qos: QoS): Message {
  const { p } = document;
  if (p.length > scratch.length) scratch = Buffer.alloc(p.length);
  // Written out: spreading one object into another is most of what this would cost.
  const packet: StoredPublish = {
    cmd: "publish",
    brokerId: document.b ?? home,
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
  if (kindOf !== undefined) message.kind = kindOf(document.t);
  message.keep();
  return message;
}

/** Those of files that do not say when they expire count from when the message came. */
function propertiesOf(x: string, publishedAtMs: number): PublishProperties | undefined {
  const properties = propertiesOfText(x);
  if (publishedAtMs > 0) properties?.startAt(publishedAtMs);
  return properties;
}
