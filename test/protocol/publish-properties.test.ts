import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PublishPropertiesObject } from "../../src/protocol/encode-publish-properties.ts";
import { PublishProperties } from "../../src/protocol/publish-properties.ts";
import { readPublishProperties } from "../../src/protocol/read-publish-properties.ts";
import { anyProperties } from "../support/any-client-packet.ts";
import { forwarded } from "../support/said-by.ts";
import { type WireProperty, wireProperty } from "../support/wire-properties.ts";

const anyPublishProperties = anyProperties("publish");
const wire = (properties: readonly WireProperty[]) => Buffer.concat(properties.map(wireProperty));

function read(properties: readonly WireProperty[]): PublishProperties | undefined {
  const bytes = wire(properties);
  return readPublishProperties(bytes, 0, bytes.length).properties;
}

const pairs = (properties: readonly WireProperty[]) =>
  properties.filter(({ name }) => name === "userProperty").map(({ value }) => value);
const theValueOf = (properties: readonly WireProperty[], wanted: string) =>
  properties.find(({ name }) => name === wanted)?.value;

describe("properties of a PUBLISH", () => {
  it("are forwarded in the very bytes and the order in which they came [MQTT-3.3.2-17] [MQTT-3.3.2-18]", () => {
    const check = (properties: WireProperty[]) => {
      const { bytes = Buffer.alloc(0), messageExpiryInterval } = read(properties) ?? {};
      const expected = forwarded(properties) as { bytes: Buffer; expirySeconds?: number };
      expect(bytes).toEqual(expected.bytes);
      expect(messageExpiryInterval).toBe(expected.expirySeconds);
    };
    fc.assert(fc.property(anyPublishProperties, check), { numRuns: 1000 });
  });

  it("are the same when their chunk is used for something else, once they are kept", () => {
    const check = (properties: WireProperty[]) => {
      const chunk = Buffer.concat([Buffer.alloc(200_000), wire(properties), Buffer.alloc(200_000)]);
      const found = readPublishProperties(chunk, 200_000, chunk.length - 200_000).properties;
      const before = Buffer.from(found?.bytes ?? []);
      found?.keep();
      if (before.length < 190_000) chunk.fill(0xff);
      expect(found?.bytes ?? Buffer.alloc(0)).toEqual(before);
    };
    fc.assert(fc.property(anyPublishProperties, check));
  });

  it("say what each of them is", () => {
    const check = (properties: WireProperty[]) => {
      const found = read(properties);
      const indicator = theValueOf(properties, "payloadFormatIndicator");
      expect(found?.payloadFormatIndicator).toBe(indicator === undefined ? undefined : indicator === 1);
      for (const name of ["contentType", "responseTopic", "correlationData", "messageExpiryInterval"] as const) {
        expect(found?.[name]).toEqual(theValueOf(properties, name));
      }
      expect(found?.userPropertyList() ?? []).toEqual(pairs(properties));
      const byName = new Map<string, string[]>();
      for (const [name, value] of pairs(properties) as [string, string][]) {
        byName.set(name, [...(byName.get(name) ?? []), value]);
      }
      const { userProperties = {} } = found ?? {};
      expect(Object.entries(userProperties).map(([name, value]) => [name, [value].flat()])).toEqual(
        expect.arrayContaining([...byName]),
      );
      expect(Object.keys(userProperties)).toHaveLength(byName.size);
    };
    fc.assert(fc.property(anyPublishProperties, check), { numRuns: 500 });
  });

  it("are the same after a file, user properties in their order", () => {
    const check = (properties: WireProperty[], expiresAt: number) => {
      const found = read(properties);
      if (found === undefined) return;
      found.expiresAt = expiresAt;
      const again = PublishProperties.ofJson(JSON.parse(JSON.stringify(found))) as PublishProperties;
      expect(again.toObject()).toEqual(found.toObject());
      expect(again.userPropertyList()).toEqual(found.userPropertyList());
      expect(again.expiresAt).toBe(found.expiresAt);
    };
    fc.assert(fc.property(anyPublishProperties, fc.nat(), check), { numRuns: 500 });
  });

  it("are the same after a hook that gives back what it got", () => {
    const check = (properties: WireProperty[]) => {
      const object = read(properties)?.toObject();
      expect(PublishProperties.of(object)?.toObject()).toEqual(object);
    };
    fc.assert(fc.property(anyPublishProperties, check), { numRuns: 500 });
  });

  it("are themselves where they need no reading", () => {
    const properties = new PublishProperties(Buffer.from([1, 1]));
    expect(PublishProperties.of(properties)).toBe(properties);
    for (const nothing of [undefined, null, {}, { userProperties: {} }]) {
      expect(PublishProperties.of(nothing as object | undefined)).toBeUndefined();
    }
  });
});

describe("properties that someone who embeds the broker made", () => {
  it("are taken, or refused with an error that says which, whatever they are", () => {
    const anyObject = fc.record(
      {
        payloadFormatIndicator: fc.anything(),
        messageExpiryInterval: fc.oneof(fc.double(), fc.anything()),
        contentType: fc.oneof(fc.string({ unit: "binary" }), fc.anything()),
        responseTopic: fc.oneof(fc.constantFrom("a/b", "#", "+", ""), fc.anything()),
        correlationData: fc.oneof(fc.uint8Array(), fc.anything()),
        userProperties: fc.oneof(
          fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.array(fc.string()), fc.anything())),
          fc.array(fc.array(fc.string())),
          fc.anything(),
        ),
        subscriptionIdentifier: fc.oneof(fc.nat(), fc.anything()),
      },
      { requiredKeys: [] },
    );
    const check = (object: object) => {
      let found: PublishProperties | undefined;
      try {
        found = PublishProperties.of(object);
      } catch (error) {
        expect(error).toMatchObject({
          name: "WaypostError",
          code: expect.stringMatching(/^ERR_(PROTOCOL_VIOLATION|MALFORMED_PACKET)$/),
        });
      }
      // What was taken can be read, stored and sent.
      if (found !== undefined) expect(PublishProperties.ofJson(JSON.parse(JSON.stringify(found)))).toBeDefined();
    };
    fc.assert(fc.property(anyObject, check), { numRuns: 3000 });
  });

  it.each([
    ["a content type that is no text", { contentType: 5 }],
    ["a lone surrogate [MQTT-1.5.4-1]", { contentType: "\ud800" }],
    ["U+0000 [MQTT-1.5.4-2]", { userProperties: { name: "\0" } }],
    ["a response topic with a wildcard [MQTT-3.3.2-14]", { responseTopic: "a/#" }],
    ["an empty response topic", { responseTopic: "" }],
    ["text over 65,535 bytes", { contentType: "x".repeat(65_536) }],
    ["correlation data over 65,535 bytes", { correlationData: Buffer.alloc(65_536) }],
    ["an expiry that is no number of seconds", { messageExpiryInterval: 1.5 }],
    ["an expiry beyond four bytes", { messageExpiryInterval: 2 ** 32 }],
    ["user properties that are no pairs", { userProperties: [5] }],
    ["a subscription identifier beyond what MQTT has", { subscriptionIdentifier: 268_435_456 }],
    ["a subscription identifier of 0", { subscriptionIdentifier: 0 }],
  ])("are refused with %s", (_what, object) => {
    expect(() => PublishProperties.of(object as unknown as PublishPropertiesObject)).toThrow(
      expect.objectContaining({ name: "WaypostError" }),
    );
  });
});

describe("the expiry of a message", () => {
  const expiring = (seconds: number) => new PublishProperties(Buffer.alloc(0), seconds);

  it("is what is left of what the publisher said, rounded up [MQTT-3.3.2-6]", () => {
    const check = (seconds: number, start: number, waitedMs: number) => {
      const properties = expiring(seconds);
      expect(properties.expiryAt(start)).toBe(seconds); // nobody said since when it counts
      properties.startAt(start);
      expect(properties.expiryAt(start)).toBe(seconds);
      const left = Math.max(0, seconds - Math.floor(waitedMs / 1000));
      expect(properties.expiryAt(start + waitedMs)).toBe(left);
      expect(properties.isExpired(start + waitedMs)).toBe(waitedMs >= seconds * 1000);
    };
    const start = fc.integer({ min: 1, max: 4_000_000_000_000 });
    fc.assert(fc.property(fc.integer({ min: 1, max: 0xffffffff }), start, fc.nat({ max: 10_000_000 }), check));
  });

  it("does not begin anew, and does not grow when the clock is set back", () => {
    const properties = expiring(10);
    properties.startAt(1000);
    properties.startAt(5000);
    expect(properties.expiresAt).toBe(11_000);
    expect(properties.expiryAt(500)).toBe(10);
  });

  it("of 0 seconds is over at once", () => {
    const properties = expiring(0);
    properties.startAt(1000);
    expect([properties.isExpired(1000), properties.expiryAt(1000)]).toEqual([true, 0]);
  });

  it("that nobody gave never comes", () => {
    const properties = new PublishProperties(Buffer.from([1, 1]));
    properties.startAt(1000);
    expect([properties.isExpired(1e15), properties.expiryAt(1e15)]).toEqual([false, undefined]);
  });

  it("stays with a message that goes to a subscription with an identifier", () => {
    const properties = expiring(10);
    properties.startAt(1000);
    const calledUp = PublishProperties.calledUp(properties, 7);
    expect(calledUp).toMatchObject({ expiresAt: 11_000, subscriptionIdentifier: 7, messageExpiryInterval: 10 });
    expect(properties.subscriptionIdentifier).toBeUndefined();
  });
});

describe("properties of a PUBLISH are refused", () => {
  const malformed = { code: "ERR_MALFORMED_PACKET" };
  const violation = { code: "ERR_PROTOCOL_VIOLATION" };

  it.each([
    ["a topic alias of 0 [MQTT-3.3.2-8]", "23 0000", { ...violation, reasonCode: 0x94 }],
    ["a payload format indicator of 2 (3.3.2.3.2)", "01 02", violation],
    ["a response topic with + [MQTT-3.3.2-14]", "08 0001 2b", violation],
    ["a response topic with # [MQTT-3.3.2-14]", "08 0001 23", violation],
    ["a response topic that is not UTF-8 [MQTT-3.3.2-13]", "08 0001 ff", malformed],
    ["a content type that is not UTF-8 [MQTT-3.3.2-19]", "03 0001 ff", malformed],
    ["a content type with U+0000 [MQTT-1.5.4-2]", "03 0001 00", malformed],
    ["a surrogate in a user property [MQTT-1.5.4-1]", "26 0003 eda080 0000", malformed],
    ["a subscription identifier [MQTT-3.3.4-6]", "0b 01", violation],
    ["a will delay, which is a will's", "18 00000001", malformed],
    ["a reason string, which is none of a PUBLISH", "1f 0000", malformed],
    ["an identifier that does not exist", "7f 00", malformed],
    ["an identifier in a longer form than it need be [MQTT-1.5.5-1]", "8100 01", malformed],
    ["two content types (3.3.2.3.9)", "03 0000 03 0000", violation],
    ["an expiry cut off", "02 000000", malformed],
    ["a text cut off", "03 0002 61", malformed],
    ["a user property without its value", "26 0001 61", malformed],
    ["a user property whose value is cut off", "26 0001 61 0001", malformed],
  ])("with %s", (_what, hex, error) => {
    const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
    // More of it beyond the end would make sense of what is cut off.
    const chunk = Buffer.concat([bytes, Buffer.alloc(100, 0x61)]);
    expect(() => readPublishProperties(chunk, 0, bytes.length)).toThrow(expect.objectContaining(error));
  });

  it("with a topic alias in a will, which has none", () => {
    const bytes = Buffer.from("230001", "hex");
    expect(() => readPublishProperties(bytes, 0, 3, "will")).toThrow(expect.objectContaining(malformed));
  });

  it("but not for a byte order mark, which stays [MQTT-1.5.4-3]", () => {
    expect(read([{ name: "contentType", value: "\ufeffx" }])?.contentType).toBe("\ufeffx");
  });
});
