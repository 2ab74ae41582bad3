import fc, { type Arbitrary } from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import { WaypostError } from "../../src/waypost-error.ts";
import { anyClientPacket, anyPacketOf, anyProperties, type Place, propertiesOf } from "../support/any-client-packet.ts";
import { type ClientPacket, type PacketKind, type Version, wirePacket } from "../support/client-packet.ts";
import { anyDamage, type Damage, damaged } from "../support/damage.ts";
import { field, frame } from "../support/frame.ts";
import { ClientPacketReader } from "../support/read-client-packet.ts";
import { variableByteInteger } from "../support/variable-byte-integer.ts";
import {
  type PropertyName,
  type PropertyValue,
  propertyForms,
  type WireProperty,
  wireProperty,
} from "../support/wire-properties.ts";

const versions: Version[] = [3, 4, 5];
/** What a peer can be told; anything else would be a defect of the reader. */
const codes = [
  "ERR_MALFORMED_PACKET",
  "ERR_PROTOCOL_VIOLATION",
  "ERR_TOPIC_INVALID",
  "ERR_PACKET_TOO_LARGE",
  "ERR_CONNECT_REFUSED",
];

/** What a reader makes of bytes that lie among others: what each packet says, and the error that ended it. */
function outcome(bytes: Buffer, version: Version, after: Buffer): unknown[] {
  const frames = new FrameReader(1 << 22);
  const reader = new ClientPacketReader(version);
  const all: unknown[] = [];
  try {
    frames.push(Buffer.concat([bytes, after]), 0, bytes.length);
    while (frames.next()) all.push(reader.read(frames));
  } catch (error) {
    if (!(error instanceof WaypostError)) throw error;
    expect(codes).toContain(error.code);
    all.push(error.code, error.reasonCode);
  }
  return all;
}

/** Bytes after the end of what was received, which must not matter. */
const surroundings = [Buffer.alloc(0), Buffer.alloc(300), Buffer.alloc(300, 0x61), Buffer.alloc(300, 0xff)];

function endsWell(bytes: Buffer, version: Version): void {
  const [first, ...others] = surroundings.map((after) => outcome(bytes, version, after));
  for (const other of others) expect(other).toStrictEqual(first);
}

describe.each(versions)(
  "at protocol level %i, an error that the peer can be told is the worst that comes of",
  (version) => {
    it("any packet with bytes changed, put in, taken out or cut off", () => {
      const check = (packet: ClientPacket, damages: Damage[]) =>
        endsWell(damaged(wirePacket(packet, version), damages), version);
      const anyDamages = fc.array(anyDamage, { minLength: 1, maxLength: 3 });
      fc.assert(fc.property(anyClientPacket(version), anyDamages, check), { numRuns: 3000 });
    });

    it("any packet that ends before it should, with a remaining length that says so", () => {
      const check = (packet: ClientPacket, share: number) =>
        endsWell(shortened(wirePacket(packet, version), share), version);
      fc.assert(fc.property(anyClientPacket(version), fc.nat({ max: 1000 }), check), { numRuns: 2000 });
    });

    it("any packet in the form of another version", () => {
      const another = fc.constantFrom(...versions.filter((each) => each !== version));
      const check = (packet: ClientPacket, written: Version) => endsWell(wirePacket(packet, written), version);
      fc.assert(fc.property(anyClientPacket(version), another, check), { numRuns: 500 });
    });

    it("any bytes at all", () => {
      const check = (bytes: Uint8Array) => endsWell(Buffer.from(bytes), version);
      fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), check), { numRuns: 3000 });
    });

    it("any first byte before any body of the right length", () => {
      const check = (first: number, body: Uint8Array) => endsWell(Buffer.from([first, body.length, ...body]), version);
      fc.assert(fc.property(fc.nat({ max: 255 }), fc.uint8Array({ maxLength: 60 }), check), { numRuns: 5000 });
    });
  },
);

/** The packet cut to a share of its body; the remaining length agrees. */
function shortened(whole: Buffer, share: number): Buffer {
  const bodyAt = 1 + (whole.subarray(1).findIndex((byte) => byte < 128) + 1);
  const body = whole.subarray(bodyAt, bodyAt + Math.floor(((whole.length - bodyAt) * share) / 1001));
  return Buffer.concat([whole.subarray(0, 1), Buffer.from(variableByteInteger(body.length)), body]);
}

/** A value of any property, for where it has no place. */
function someValue(name: PropertyName): PropertyValue {
  const form = propertyForms[name][1];
  if (form === "text") return "text";
  if (form === "bytes") return Buffer.from("bytes");
  return form === "pair" ? ["name", "value"] : 1;
}

const kindOf: Record<Place, PacketKind> = {
  connect: "connect",
  will: "connect",
  publish: "publish",
  acknowledgement: "puback",
  subscribe: "subscribe",
  unsubscribe: "unsubscribe",
  disconnect: "disconnect",
  auth: "auth",
};
const places = Object.keys(kindOf) as Place[];

/** Packets of the place's kind that have a property section, with one more property at some point of it. */
function withAdded(place: Place, added: WireProperty[]): Arbitrary<ClientPacket> {
  return fc.tuple(anyPacketOf(kindOf[place], 5), fc.nat()).map(([packet, at]) => {
    const insert = (properties: WireProperty[] = []) => {
      const kept = properties.filter(({ name }) => name !== added[0]?.name || name === "userProperty");
      for (const property of added) kept.splice(at % (kept.length + 1), 0, property);
      return kept;
    };
    const isConnect = packet.kind === "connect";
    if (isConnect && place === "will") {
      const will = { topic: "gone", payload: Buffer.alloc(1), qos: 0 as const, retain: false, properties: [] };
      const last = packet.will ?? will;
      return { ...packet, will: { ...last, properties: insert(last.properties) } };
    }
    if (packet.kind === "pingreq") return packet;
    const code = "reasonCode" in packet || isConnect || !("properties" in packet) ? {} : { reasonCode: 0 };
    return { reasonCode: 0, ...packet, ...code, properties: insert(packet.properties) } as ClientPacket;
  });
}

const isSmall = (packet: ClientPacket) => wirePacket(packet, 5).length < 512 * 1024;

function expectError(packet: ClientPacket, expected: [code: string, reasonCode: number]): void {
  const result = outcome(wirePacket(packet, 5), 5, Buffer.alloc(0));
  expect([result.at(-2), result.at(-1) ?? impliedBy[result.at(-2) as string]]).toEqual(expected);
}
/** What an error without a reason code of its own stands for. */
const impliedBy: Record<string, number> = { ERR_MALFORMED_PACKET: 0x81, ERR_PROTOCOL_VIOLATION: 0x82 };

const anyPlaceAndProperties = fc.constantFrom(...places).chain((place) =>
  fc.record({
    place: fc.constant(place),
    section: anyProperties(place).map((properties) => Buffer.concat(properties.map(wireProperty))),
    share: fc.nat({ max: 1000 }),
  }),
);

describe("a property section", () => {
  it("that is cut off anywhere, with lengths that say so, is read no further than it goes", () => {
    fc.assert(
      fc.property(anyPlaceAndProperties, ({ place, section, share }) => {
        const part = section.subarray(0, Math.ceil((section.length * share) / 1000));
        endsWell(withSection(place, Buffer.concat([Buffer.from(variableByteInteger(part.length)), part])), 5);
      }),
      { numRuns: 3000 },
    );
  });
});

/** A packet that ends with this property section. */
function withSection(place: Place, section: Buffer): Buffer {
  switch (place) {
    case "connect":
      return frame(0x10, field("MQTT"), [5, 2, 0, 0], section);
    case "will":
      return frame(0x10, field("MQTT"), [5, 6, 0, 0, 0], field("c"), section);
    case "publish":
      return frame(0x30, field("a"), section);
    case "acknowledgement":
      return frame(0x40, [0, 1, 0], section);
    case "subscribe":
      return frame(0x82, [0, 1], section);
    case "unsubscribe":
      return frame(0xa2, [0, 1], section);
    case "disconnect":
      return frame(0xe0, [0], section);
    case "auth":
      return frame(0xf0, [0x18], section);
  }
}

describe.each(places)("in the properties of %s", (place) => {
  const own = propertiesOf(place);
  const foreign = (Object.keys(propertyForms) as PropertyName[]).filter(
    (name) => !own.includes(name) && name !== "userProperty",
  );

  it.each(foreign)("%s makes it malformed, or is a protocol error where only a server sends it (2.2.2.2)", (name) => {
    const anyPacket = withAdded(place, [{ name, value: someValue(name) }]).filter(isSmall);
    // [MQTT-3.3.4-6]: a PUBLISH of a server has subscription identifiers, one of a client must not.
    const isServers = name === "subscriptionIdentifier" && (place === "publish" || place === "will");
    const expected: [string, number] = isServers ? ["ERR_PROTOCOL_VIOLATION", 0x82] : ["ERR_MALFORMED_PACKET", 0x81];
    fc.assert(
      fc.property(anyPacket, (packet) => expectError(packet, expected)),
      { numRuns: 20 },
    );
  });

  it.skipIf(own.length === 0)("what may be there once is a protocol error twice (2.2.2.2)", () => {
    for (const name of own) {
      const property = { name, value: someValue(name) };
      const method: WireProperty[] =
        name === "authenticationData" ? [{ name: "authenticationMethod", value: "m" }] : [];
      const anyPacket = withAdded(place, [property, property, ...method]).filter(isSmall);
      fc.assert(
        fc.property(anyPacket, (packet) => expectError(packet, ["ERR_PROTOCOL_VIOLATION", 0x82])),
        { numRuns: 20 },
      );
    }
  });
});
