import fc, { type Arbitrary } from "fast-check";
import { anyClientPacket, anyProperties, anyText } from "../support/any-client-packet.ts";
import { type ClientPacket, type Version, wirePacket } from "../support/client-packet.ts";
import { anyCuts } from "../support/cut-anywhere.ts";
import { anyDamage, damaged } from "../support/damage.ts";
import type { WireProperty } from "../support/wire-properties.ts";
import type { Script, Step } from "./script.ts";

/** Few, so that connections meet on them: takeovers, deliveries, retained messages. */
export const fuzzedIds = Array.from({ length: 12 }, (_, i) => `fuzzed-${i}`);
export const fuzzedTopics = ["fuzz/a", "fuzz/b", "fuzz/c/d", "fuzz", "fuzz/größe"];
const topics = [...fuzzedTopics, "$SYS/broker/x"];
const filters = [
  ...["fuzz/#", "fuzz/+", "#", "+/+", "fuzz/a", "$share/g/fuzz/#", "$share/g/fuzz/a", "$SYS/#"],
  ...["$share//a", "$share/g", "$share/+/a", "fuzz/#/a", "fuzz/a+", "", "$queue/jobs"],
];
/** Few, so that packet ids are in use when they come again. */
const anyId = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 6 }) }, fc.integer({ min: 1, max: 65_535 }));

type Connect = Extract<ClientPacket, { kind: "connect" }>;

/** A packet of any kind that the version has, on the topics, ids and clients where the others are. */
function anyPacket(version: Version): Arbitrary<ClientPacket> {
  return fc
    .tuple(
      anyClientPacket(version),
      fc.constantFrom(...topics),
      fc.array(fc.constantFrom(...filters), { minLength: 5, maxLength: 5 }),
      anyId,
      fc.constantFrom(...fuzzedIds),
      fc.nat({ max: 9 }),
      fc.boolean(),
    )
    .map(([packet, topic, some, packetId, clientId, chance, isEmpty]) => {
      switch (packet.kind) {
        case "publish": {
          const isAliased = version === 5 && isEmpty && chance < 4;
          return { ...packet, topic: isAliased ? "" : chance < 9 ? topic : packet.topic, packetId };
        }
        case "subscribe": {
          const subscriptions = packet.subscriptions.map(({ options, filter }, i) => ({
            filter: chance < 9 ? (some[i] as string) : filter,
            options,
          }));
          return { ...packet, packetId, subscriptions };
        }
        case "unsubscribe":
          return {
            ...packet,
            packetId,
            filters: chance < 9 ? packet.filters.map((_, i) => some[i] as string) : packet.filters,
          };
        case "connect":
          return { ...packet, clientId };
        case "pingreq":
        case "disconnect":
        case "auth":
          return packet;
        default:
          return { ...packet, packetId };
      }
    });
}

const anyWill = fc.record({
  topic: fc.constantFrom(...topics),
  payload: fc.constant(Buffer.from("gone")),
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
  retain: fc.boolean(),
  properties: anyProperties("will").map((all) =>
    all.map((each) => (each.name === "willDelayInterval" ? { ...each, value: 1 } : each)),
  ),
});

/** Values that make something happen within a run: sessions that end, windows that are small. */
const telling: Partial<Record<WireProperty["name"], Arbitrary<number>>> = {
  sessionExpiryInterval: fc.constantFrom(0, 1, 5, 0xffffffff),
  receiveMaximum: fc.constantFrom(1, 2, 10, 65_535),
  maximumPacketSize: fc.constantFrom(20, 100, 1000, 0xffffffff),
  topicAliasMaximum: fc.constantFrom(0, 1, 3, 65_535),
};

function anyConnectProperties(): Arbitrary<WireProperty[]> {
  const some = Object.entries(telling).map(([name, value]) =>
    fc.option(value as Arbitrary<number>).map((each) => ({ name, value: each })),
  );
  const wanted = fc.tuple(...some).map((all) => all.filter(({ value }) => value !== null) as WireProperty[]);
  const odd = anyProperties("connect").map((all) => all.filter(({ name }) => !name.startsWith("authentication")));
  return fc.oneof(
    { weight: 6, arbitrary: wanted },
    { weight: 1, arbitrary: odd },
    { weight: 1, arbitrary: anyProperties("connect") },
  );
}

function anyConnect(version: Version): Arbitrary<Connect> {
  return fc
    .record({
      kind: fc.constant("connect" as const),
      clean: fc.boolean(),
      clientId: fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...fuzzedIds) }, { weight: 1, arbitrary: anyText }),
      keepAliveSeconds: fc.constantFrom(0, 30, 65_535),
      will: fc.option(anyWill, { nil: undefined }),
      properties: version === 5 ? anyConnectProperties() : fc.constant<WireProperty[]>([]),
    })
    .map(({ will, ...packet }) => (will === undefined ? packet : { ...packet, will }));
}

const anyTurns = fc.oneof(fc.constant(0), fc.nat({ max: 20 }));

function step(bytes: Buffer, turns = 0, cuts: number[] = [70_000]): Step {
  return { hex: bytes.toString("hex"), cuts, turns };
}

function scriptOf(kind: string, version: Version, connect: Connect | null, parts: Partial<Script>): Script {
  const numberOf = (name: WireProperty["name"], otherwise: number) =>
    (connect?.properties.find((each) => each.name === name)?.value as number | undefined) ?? otherwise;
  return {
    kind,
    version,
    steps: [],
    manners: "polite",
    ending: "ping",
    isConnected: connect !== null,
    mustClose: false,
    receiveMaximum: numberOf("receiveMaximum", 65_535),
    maximumPacketSize: numberOf("maximumPacketSize", 0xffffffff),
    topicAliasMaximum: numberOf("topicAliasMaximum", 0),
    isOrderly: false,
    ...parts,
  };
}

const anyEnding = fc.constantFrom("ping" as const, "ping" as const, "end" as const, "reset" as const);
const anyManners = fc.constantFrom("polite", "polite", "deaf", "mute", "hasty", "refusing") as Arbitrary<
  Script["manners"]
>;
const anyDamages = fc.array(anyDamage, { minLength: 1, maxLength: 4 });

/** Bytes that are no MQTT, or that begin like it. */
const noise = (version: Version) =>
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 200 }), anyCuts, anyEnding, fc.boolean())
    .map(([bytes, cuts, ending, isClose]) => {
      const start = isClose ? Buffer.from([0x10, bytes.length + 6, 0, 4, 77, 81, 84, 84]) : Buffer.alloc(0);
      return scriptOf("noise", version, null, { steps: [step(Buffer.concat([start, bytes]), 0, cuts)], ending });
    });

const badConnect = (version: Version) =>
  fc.tuple(anyConnect(version), anyDamages, anyCuts, anyEnding).map(([connect, damages, cuts, ending]) => {
    const bytes = damaged(wirePacket(connect, version), damages);
    return scriptOf("damaged CONNECT", version, null, { steps: [step(bytes, 0, cuts)], ending });
  });

const damagedStream = (version: Version) =>
  fc
    .tuple(
      anyConnect(version),
      fc.array(anyPacket(version), { minLength: 1, maxLength: 12 }),
      anyDamages,
      anyCuts,
      anyManners,
      anyEnding,
    )
    .map(([connect, packets, damages, cuts, manners, ending]) => {
      const stream = Buffer.concat(packets.map((packet) => wirePacket(packet, version)));
      const steps = [step(wirePacket(connect, version), 5), step(damaged(stream, damages), 5, cuts)];
      return scriptOf("damaged stream", version, connect, { steps, manners, ending });
    });

/** Each packet is one that the specification has, but not here, not in this order, not with these ids. */
const nonsense = (version: Version) =>
  fc
    .tuple(
      anyConnect(version),
      fc.array(fc.tuple(anyPacket(version), anyTurns), { minLength: 1, maxLength: 25 }),
      anyCuts,
      anyManners,
      anyEnding,
      fc.nat({ max: 9 }),
    )
    .map(([connect, packets, cuts, manners, ending, chance]) => {
      const steps = packets.map(([packet, turns]) => step(wirePacket(packet, version), turns, cuts));
      const first = step(wirePacket(connect, version), chance < 5 ? 5 : 0);
      const hasConnect = chance > 0;
      return scriptOf("nonsense", version, hasConnect ? connect : null, {
        steps: hasConnect ? [first, ...steps] : steps,
        manners,
        ending,
      });
    });

/** Subscribes, publishes, and acknowledges as its manners are. */
const orderly = (version: Version) =>
  fc
    .tuple(anyConnect(version), fc.array(anyPacket(version), { minLength: 5, maxLength: 40 }), anyManners, anyEnding)
    .map(([connect, packets, manners, ending]) => {
      const wanted = packets.filter(({ kind }) => kind === "publish" || kind === "subscribe" || kind === "unsubscribe");
      const valid = wanted.filter((packet) => packet.kind !== "publish" || packet.topic.startsWith("fuzz"));
      const steps = valid.map((packet, i) => step(wirePacket(withId(packet, i + 1), version), 1));
      const all = [step(wirePacket(connect, version), 5), ...steps];
      return scriptOf("orderly", version, connect, { steps: all, manners, ending, isOrderly: true });
    });

function withId(packet: ClientPacket, packetId: number): ClientPacket {
  if (packet.kind === "subscribe") {
    const noLocal = ({ filter }: { filter: string }) => (filter.startsWith("$share") ? 0 : 4); // [MQTT-3.8.3-4]
    const subscriptions = packet.subscriptions.map((each) => ({
      ...each,
      options: each.options & (0x3b | noLocal(each)),
    }));
    return { ...packet, packetId, subscriptions };
  }
  if (packet.kind !== "publish") return { ...packet, packetId } as ClientPacket;
  return { ...packet, packetId, dup: false, properties: packet.properties.filter(({ name }) => name !== "topicAlias") };
}

/** More QoS 2 messages in flight than the gateway takes, or more acknowledgements than it sent messages. */
const excess = (version: Version) =>
  fc
    .tuple(
      anyConnect(version),
      fc.integer({ min: 90, max: 1200 }),
      fc.constantFrom(1, 2),
      fc.constantFrom("publish", "pubrel", "puback", "ping"),
    )
    .map(([connect, times, qos, what]) => {
      const packet = (i: number): ClientPacket => {
        if (what === "ping") return { kind: "pingreq" };
        if (what !== "publish") return { kind: what as "pubrel", packetId: i + 1 };
        const payload = Buffer.from(`${i}`);
        const rest = { retain: false, dup: false, packetId: i + 1, properties: [] };
        return { kind: "publish", topic: "fuzz/a", payload, qos: qos as 1 | 2, ...rest };
      };
      const flood = Buffer.concat(Array.from({ length: times }, (_, i) => wirePacket(packet(i), version)));
      const steps = [step(wirePacket(connect, version), 0), step(flood)];
      return scriptOf("excess", version, connect, { steps, manners: "mute", ending: "ping" });
    });

/** Stops in the middle of something and says nothing more. */
const half = (version: Version) =>
  fc
    .tuple(
      anyConnect(version),
      anyPacket(version),
      fc.nat({ max: 1000 }),
      fc.constantFrom("nothing", "connect", "packet"),
    )
    .map(([connect, packet, share, what]) => {
      const greeting = wirePacket({ ...connect, keepAliveSeconds: 1 }, version);
      const bytes = what === "packet" ? wirePacket(packet, version) : greeting;
      const part = what === "nothing" ? Buffer.alloc(0) : bytes.subarray(0, Math.floor((bytes.length * share) / 1001));
      const steps = what === "packet" ? [step(greeting, 5), step(part)] : [step(part)];
      const isConnected = what === "packet" ? connect : null;
      return scriptOf("half", version, isConnected, { steps, ending: "silence", mustClose: true });
    });

/** What any one connection may do that speaks one of these versions, or pretends to. */
export function anyScript(versions: readonly Version[]): Arbitrary<Script> {
  return fc
    .constantFrom(...versions)
    .chain((version) =>
      fc.oneof(
        { weight: 6, arbitrary: noise(version) },
        { weight: 12, arbitrary: badConnect(version) },
        { weight: 30, arbitrary: damagedStream(version) },
        { weight: 30, arbitrary: nonsense(version) },
        { weight: 16, arbitrary: orderly(version) },
        { weight: 3, arbitrary: excess(version) },
        { weight: 2, arbitrary: half(version) },
      ),
    );
}
