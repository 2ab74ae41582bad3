import fc, { type Arbitrary } from "fast-check";
import type { ClientPacket, PacketKind, Version } from "./client-packet.ts";
import type { PropertyName, PropertyValue, WireProperty } from "./wire-properties.ts";

/** Text of the longest length that MQTT has: 65,535 bytes. */
const longestTexts = ["x".repeat(65_535), "€".repeat(21_845)];
const common = fc.string({ unit: "binary", maxLength: 12 });
/** Any text of MQTT: all planes of Unicode but U+0000, empty, and now and then as long as it may be. */
export const anyText = fc.oneof(
  { weight: 400, arbitrary: common.map((text) => text.replaceAll("\0", "")) },
  { weight: 1, arbitrary: fc.constantFrom(...longestTexts) },
  { weight: 20, arbitrary: fc.constantFrom("", "\ufeffbom", "\u{10ffff}", "\u0001", "__proto__", "constructor") },
);
const anyBytes = fc.oneof(
  { weight: 400, arbitrary: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.constant(Buffer.alloc(65_535, 0xa5)) },
);
const anyPayload = fc.oneof(
  { weight: 40, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.nat({ max: 70_000 }).map((length) => Buffer.alloc(length, length & 255)) },
);
/** Any topic name, of at most a hundred levels. */
export const anyTopic = anyText.map((text) => {
  const topic = text.replaceAll(/[+#]/g, "-").replaceAll("/", (slash, at: number) => (at < 99 ? slash : "_"));
  return topic === "" ? "/" : topic;
});
const anyPacketId = fc.oneof(fc.integer({ min: 1, max: 65_535 }), fc.constantFrom(1, 255, 256, 65_535));
const uint32 = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff),
);
const uint16 = fc.oneof(fc.integer({ min: 0, max: 65_535 }), fc.constantFrom(0, 1, 65_535));
const flag = fc.constantFrom(0, 1);
const notZero = (arbitrary: Arbitrary<number>) => arbitrary.map((value) => value || 1);
const anyUserProperty = fc.tuple(anyText, anyText);
const identifier = fc.constantFrom(1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455);

type Values = Partial<Record<PropertyName, Arbitrary<PropertyValue>>>;

/** Properties that a client may send, by the packet that has them; user properties may be there anywhere. */
const places = {
  connect: {
    sessionExpiryInterval: uint32,
    receiveMaximum: notZero(uint16),
    maximumPacketSize: notZero(uint32),
    topicAliasMaximum: uint16,
    requestResponseInformation: flag,
    requestProblemInformation: flag,
    authenticationMethod: anyText,
    authenticationData: anyBytes,
  },
  will: {
    willDelayInterval: uint32,
    payloadFormatIndicator: flag,
    messageExpiryInterval: uint32,
    contentType: anyText,
    responseTopic: anyTopic,
    correlationData: anyBytes,
  },
  publish: {
    payloadFormatIndicator: flag,
    messageExpiryInterval: uint32,
    topicAlias: notZero(uint16),
    responseTopic: anyTopic,
    correlationData: anyBytes,
    contentType: anyText,
  },
  acknowledgement: { reasonString: anyText },
  subscribe: { subscriptionIdentifier: identifier },
  unsubscribe: {},
  disconnect: { sessionExpiryInterval: uint32, reasonString: anyText },
  auth: { authenticationMethod: anyText, authenticationData: anyBytes, reasonString: anyText },
} satisfies Record<string, Values>;

export type Place = keyof typeof places;

/** The properties that the specification lets a client send in this place, beside user properties. */
export function propertiesOf(place: Place): PropertyName[] {
  return Object.keys(places[place]) as PropertyName[];
}

/** Properties of a place in any order, user properties repeated and anywhere among them. */
export function anyProperties(place: Place): Arbitrary<WireProperty[]> {
  const known = Object.entries(places[place]).map(([name, value]) =>
    fc.option(value as Arbitrary<PropertyValue>, { nil: undefined }).map((each) => ({ name, value: each })),
  );
  const user = fc.array(
    anyUserProperty.map((value) => ({ name: "userProperty" as const, value })),
    { maxLength: 4 },
  );
  return fc
    .tuple(fc.tuple(...known), user)
    .map(([some, users]) => [...(some.filter(({ value }) => value !== undefined) as WireProperty[]), ...users])
    .chain((all) => fc.shuffledSubarray(all, { minLength: all.length }))
    .map((all) => (has(all, "authenticationMethod") ? all : all.filter(({ name }) => name !== "authenticationData")));
}

export function has(properties: readonly WireProperty[], wanted: PropertyName): boolean {
  return properties.some(({ name }) => name === wanted);
}

function anyConnect(version: Version): Arbitrary<ClientPacket> {
  const will = fc.record({
    topic: anyTopic,
    payload: anyBytes,
    qos: fc.constantFrom(0, 1, 2),
    retain: fc.boolean(),
    properties: anyProperties("will"),
  });
  return fc
    .record(
      {
        kind: fc.constant("connect" as const),
        clean: fc.boolean(),
        clientId: anyText,
        keepAliveSeconds: uint16,
        username: anyText,
        password: anyBytes,
        will,
        properties: anyProperties("connect"),
      },
      { requiredKeys: ["kind", "clean", "clientId", "keepAliveSeconds", "properties"] },
    )
    .map((packet) => {
      // Only MQTT 5 has a password without a user name.
      if (version < 5 && packet.username === undefined) delete packet.password;
      return packet as ClientPacket;
    });
}

const anyPublish: Arbitrary<ClientPacket> = fc
  .record({
    kind: fc.constant("publish" as const),
    topic: anyTopic,
    payload: anyPayload,
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    retain: fc.boolean(),
    dup: fc.boolean(),
    packetId: anyPacketId,
    properties: fc.oneof(fc.constant<WireProperty[]>([]), anyProperties("publish")),
  })
  .map((packet) => ({ ...packet, dup: packet.dup && packet.qos > 0 }));

/** With a reason code, and properties after it, or without. */
function withReason<T extends object>(shape: T, place: Place, codes: readonly number[]) {
  const reasonCode = fc.constantFrom(...codes);
  return fc.oneof(
    fc.record({ ...shape }),
    fc.record({ ...shape, reasonCode }),
    fc.record({ ...shape, reasonCode, properties: anyProperties(place) }),
  ) as Arbitrary<unknown> as Arbitrary<ClientPacket>;
}

const acceptance = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
const release = [0x00, 0x92];
const leaving = [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99];

function anySubscribe(version: Version): Arbitrary<ClientPacket> {
  const options = version < 5 ? fc.constantFrom(0, 1, 2) : fc.nat({ max: 0x2f }).filter((each) => (each & 3) < 3);
  // No local is not for shared subscriptions [MQTT-3.8.3-4].
  const subscription = fc
    .record({ filter: fc.oneof(anyText, fc.constantFrom("a/+", "#", "$share/group/a/#")), options })
    .map(({ filter, options: each }) => ({ filter, options: filter.startsWith("$share/") ? each & ~4 : each }));
  return fc.record({
    kind: fc.constant("subscribe" as const),
    packetId: anyPacketId,
    subscriptions: fc.array(subscription, { minLength: 1, maxLength: 5 }),
    properties: anyProperties("subscribe"),
  });
}

const anyUnsubscribe: Arbitrary<ClientPacket> = fc.record({
  kind: fc.constant("unsubscribe" as const),
  packetId: anyPacketId,
  filters: fc.array(anyText, { minLength: 1, maxLength: 5 }),
  properties: anyProperties("unsubscribe"),
});

const anyAuth: Arbitrary<ClientPacket> = fc.record({
  kind: fc.constant("auth" as const),
  reasonCode: fc.constantFrom(0x18, 0x19),
  properties: anyProperties("auth").map((all) =>
    has(all, "authenticationMethod") ? all : [...all, { name: "authenticationMethod" as const, value: "method" }],
  ),
});

/** Any packet of this kind that the specification of the version lets a client send. */
export function anyPacketOf(kind: PacketKind, version: Version): Arbitrary<ClientPacket> {
  switch (kind) {
    case "connect":
      return anyConnect(version);
    case "publish":
      return anyPublish;
    case "subscribe":
      return anySubscribe(version);
    case "unsubscribe":
      return anyUnsubscribe;
    case "pingreq":
      return fc.constant({ kind });
    case "disconnect":
      return withReason({ kind: fc.constant(kind) }, "disconnect", leaving);
    case "auth":
      return anyAuth;
    default: {
      const codes = kind === "puback" || kind === "pubrec" ? acceptance : release;
      return withReason({ kind: fc.constant(kind), packetId: anyPacketId }, "acknowledgement", codes);
    }
  }
}

/** The kinds of packets that a client may send in this version. */
export function kindsOf(version: Version): PacketKind[] {
  const acknowledgements = ["puback", "pubrec", "pubrel", "pubcomp"] as const;
  const all = ["connect", "publish", ...acknowledgements, "subscribe", "unsubscribe", "pingreq", "disconnect"] as const;
  return version === 5 ? [...all, "auth"] : [...all];
}

/** Any packet that the specification of the version lets a client send. */
export function anyClientPacket(version: Version): Arbitrary<ClientPacket> {
  return fc.oneof(...kindsOf(version).map((kind) => anyPacketOf(kind, version)));
}

export const anyVersion: Arbitrary<Version> = fc.constantFrom(3, 4, 5);
