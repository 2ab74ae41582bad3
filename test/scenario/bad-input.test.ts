import { describe, expect, it } from "vitest";
import type { RawClient as Client } from "../support/raw-client.ts";
import { RawClient } from "../support/raw-client.ts";
import { type Complaint, withstand } from "./withstand.ts";

/** A PUBLISH at QoS 0 with any topic bytes. */
function publishFrame(topic: Buffer, first = 0x30, rest = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.from([topic.length >> 8, topic.length & 255]), topic, rest]);
  return Buffer.concat([Buffer.from([first]), lengthOf(body.length), body]);
}

function lengthOf(bytes: number): Buffer {
  const encoded: number[] = [];
  let rest = bytes;
  do {
    encoded.push((rest & 127) | (rest > 127 ? 128 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.from(encoded);
}

function subscribeFrame(filter: Buffer, qos: number): Buffer {
  const body = Buffer.concat([
    Buffer.from([0, 1, filter.length >> 8, filter.length & 255]),
    filter,
    Buffer.from([qos]),
  ]);
  return Buffer.concat([Buffer.from([0x82]), lengthOf(body.length), body]);
}

const levels101 = Array.from({ length: 101 }, () => "a").join("/");
const levels100 = Array.from({ length: 100 }, () => "a").join("/");

/** Sent on a connection that was accepted; each of these ends it. */
const afterConnect: [name: string, bytes: string | Buffer, complaint: Complaint][] = [
  ["a remaining length of five bytes", "30 ff ff ff ff 7f", /^ERR_MALFORMED_PACKET .*more than four bytes/],
  ["a remaining length that never ends", "30 ffffffffffffffffffffffffffffffff", /^ERR_MALFORMED_PACKET .*four bytes/],
  ["a packet of 256 MiB", "30 ff ff ff 7f", /^ERR_PACKET_TOO_LARGE .*268435455 bytes is over the limit/],
  ["a packet one byte over the limit", "30 81 80 80 02", /^ERR_PACKET_TOO_LARGE .*4194305 bytes/],
  ["a second CONNECT", "10 0d 0004 4d515454 04 02 003c 0001 78", /^ERR_PROTOCOL_VIOLATION .*a second CONNECT/],
  ["QoS 3", "36 05 0001 61 0001", /^ERR_MALFORMED_PACKET .*QoS is 3/],
  ["DUP at QoS 0", "38 03 0001 61", /^ERR_MALFORMED_PACKET .*DUP/],
  ["# in a PUBLISH", publishFrame(Buffer.from("a/#")), /^ERR_TOPIC_INVALID .*wildcard/],
  ["+ in a PUBLISH", publishFrame(Buffer.from("a/+/b")), /^ERR_TOPIC_INVALID .*wildcard/],
  ["an empty topic", "30 02 0000", /^ERR_TOPIC_INVALID .*empty/],
  ["packet id 0 in a PUBLISH", "32 05 0001 61 0000", /^ERR_MALFORMED_PACKET .*PUBLISH: its packet id is 0/],
  ["packet id 0 in a PUBLISH at QoS 2", "34 05 0001 61 0000", /^ERR_MALFORMED_PACKET .*packet id is 0/],
  ["packet id 0 in a SUBSCRIBE", "82 06 0000 0001 61 00", /^ERR_MALFORMED_PACKET .*SUBSCRIBE: the packet id is 0/],
  ["packet id 0 in an UNSUBSCRIBE", "a2 05 0000 0001 61", /^ERR_MALFORMED_PACKET .*UNSUBSCRIBE: the packet id is 0/],
  ["packet id 0 in a PUBACK", "40 02 0000", /^ERR_MALFORMED_PACKET .*PUBACK: it has no packet id/],
  ["packet id 0 in a PUBREC", "50 02 0000", /^ERR_MALFORMED_PACKET .*PUBREC/],
  ["packet id 0 in a PUBREL", "62 02 0000", /^ERR_MALFORMED_PACKET .*PUBREL/],
  ["packet id 0 in a PUBCOMP", "70 02 0000", /^ERR_MALFORMED_PACKET .*PUBCOMP/],
  ["a topic that is not UTF-8", publishFrame(Buffer.from([0x61, 0xff])), /^ERR_MALFORMED_PACKET .*UTF-8/],
  ["a topic with a surrogate", publishFrame(Buffer.from([0xed, 0xa0, 0x80])), /^ERR_MALFORMED_PACKET .*UTF-8/],
  ["a topic with an overlong form", publishFrame(Buffer.from([0xc0, 0xaf])), /^ERR_MALFORMED_PACKET .*UTF-8/],
  ["a topic with U+0000", publishFrame(Buffer.from("a\0b")), /^ERR_MALFORMED_PACKET .*U\+0000/],
  ["a filter that is not UTF-8", subscribeFrame(Buffer.from([0xff]), 0), /^ERR_MALFORMED_PACKET .*UTF-8/],
  ["a filter with U+0000", subscribeFrame(Buffer.from("a\0"), 0), /^ERR_MALFORMED_PACKET .*U\+0000/],
  ["an empty filter", subscribeFrame(Buffer.alloc(0), 0), /^ERR_TOPIC_INVALID .*empty/],
  ["a filter with # in the middle", subscribeFrame(Buffer.from("a/#/b"), 0), /^ERR_TOPIC_INVALID .*#/],
  ["a filter with + beside text", subscribeFrame(Buffer.from("a+/b"), 0), /^ERR_TOPIC_INVALID .*\+/],
  ["a SUBSCRIBE at QoS 3", subscribeFrame(Buffer.from("a"), 3), /^ERR_MALFORMED_PACKET .*QoS/],
  ["a SUBSCRIBE without a filter", "82 02 0001", /^ERR_MALFORMED_PACKET .*no topic filter/],
  ["an UNSUBSCRIBE without a filter", "a2 02 0001", /^ERR_MALFORMED_PACKET .*no topic filter/],
  ["a topic of 101 levels", publishFrame(Buffer.from(levels101)), /^ERR_TOPIC_INVALID .*101 levels/],
  ["a topic of 65,535 bytes", publishFrame(Buffer.alloc(65535, "a")), /^ERR_TOPIC_INVALID .*65535 bytes/],
  ["publishing to $SYS", publishFrame(Buffer.from("$SYS/broker/x")), /^ERR_NOT_AUTHORIZED .*\$SYS\/broker\/x/],
  ["a PINGREQ with a body", "c0 01 00", /^ERR_MALFORMED_PACKET .*PINGREQ/],
  ["a DISCONNECT with a body", "e0 01 00", /^ERR_MALFORMED_PACKET .*DISCONNECT/],
  ["a PUBACK of three bytes", "40 03 000100", /^ERR_MALFORMED_PACKET .*PUBACK/],
  ["packet type 0", "00 00", /^ERR_PROTOCOL_VIOLATION .*type 0/],
  ["packet type 15", "f0 00", /^ERR_PROTOCOL_VIOLATION .*type 15/],
  ["a CONNACK", "20 02 0000", /^ERR_PROTOCOL_VIOLATION .*type 2 is not for a server/],
  ["a SUBACK", "90 03 0001 00", /^ERR_PROTOCOL_VIOLATION .*type 9/],
  ["an UNSUBACK", "b0 02 0001", /^ERR_PROTOCOL_VIOLATION .*type 11/],
  ["a PINGRESP", "d0 00", /^ERR_PROTOCOL_VIOLATION .*type 13/],
];

describe("bad input on an accepted connection ends it and nothing else", () => {
  it.each(afterConnect)("%s", async (_name, bytes, complaint) => {
    await withstand(
      async ({ port }) => {
        const client = await RawClient.connected(port, { clientId: "bad" });
        client.bytes(bytes);
        await client.closed;
        expect(client.packets).toEqual([]);
      },
      [complaint],
    );
  });

  it("what came before it in the same segment is still handled", async () => {
    await withstand(
      async ({ port }) => {
        const watcher = await RawClient.connected(port, { clientId: "watcher" });
        await watcher.subscribe({ good: 0 });
        const client = await RawClient.connected(port, { clientId: "bad" });
        client.bytes(
          Buffer.concat([publishFrame(Buffer.from("good")), Buffer.from("c000", "hex"), Buffer.from([0xf0, 0])]),
        );
        await client.closed;
        expect(client.packets.map(({ cmd }) => cmd)).toEqual(["pingresp"]);
        expect((await watcher.message()).topic).toBe("good");
      },
      [/^ERR_PROTOCOL_VIOLATION .*type 15/],
    );
  });

  it("what comes after it in the same segment is not", async () => {
    await withstand(
      async ({ port }) => {
        const watcher = await RawClient.connected(port, { clientId: "watcher" });
        await watcher.subscribe({ "#": 0 });
        const client = await RawClient.connected(port, { clientId: "bad" });
        client.bytes(Buffer.concat([Buffer.from([0xf0, 0]), publishFrame(Buffer.from("after"))]));
        await client.closed;
        await watcher.ping();
        expect(watcher.packets.some((packet) => packet.cmd === "publish" && packet.topic === "after")).toBe(false);
      },
      [/^ERR_PROTOCOL_VIOLATION .*type 15/],
    );
  });
});

describe("wrong flags in a fixed header", () => {
  const right: [name: string, type: number, flags: number][] = [
    ["CONNACK", 2, 0],
    ["PUBACK", 4, 0],
    ["PUBREC", 5, 0],
    ["PUBREL", 6, 2],
    ["PUBCOMP", 7, 0],
    ["SUBSCRIBE", 8, 2],
    ["SUBACK", 9, 0],
    ["UNSUBSCRIBE", 10, 2],
    ["UNSUBACK", 11, 0],
    ["PINGREQ", 12, 0],
    ["PINGRESP", 13, 0],
    ["DISCONNECT", 14, 0],
  ];
  it.each(right)("all fifteen of %s are refused [MQTT-2.2.2-2]", async (_name, type, flags) => {
    const wrong = Array.from({ length: 16 }, (_, i) => i).filter((each) => each !== flags);
    await withstand(
      async ({ port }) => {
        for (const each of wrong) {
          const client = await RawClient.connected(port, { clientId: "bad" });
          client.bytes([(type << 4) | each, 2, 0, 1]);
          await client.closed;
        }
      },
      wrong.map((each) => new RegExp(`^ERR_MALFORMED_PACKET .*0x${((type << 4) | each).toString(16)}`)),
    );
  });

  it("all fifteen of CONNECT are refused", async () => {
    const wrong = Array.from({ length: 15 }, (_, i) => i + 1);
    await withstand(
      async ({ port }) => {
        for (const each of wrong) {
          const client = await RawClient.open(port);
          client.bytes([0x10 | each, 0x0d, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 1, 0x78]);
          await client.closed;
          expect(client.packets).toEqual([]);
        }
      },
      wrong.map(() => /^ERR_MALFORMED_PACKET .*reserved flags/),
    );
  });
});

describe("the limits of topics", () => {
  it("a topic of 100 levels is served", async () => {
    await withstand(async ({ port }) => {
      const client = await RawClient.connected(port, { clientId: "deep" });
      expect(await client.subscribe({ [levels100]: 0 })).toEqual([0]);
      client.publish(levels100, "deep");
      expect((await client.message()).topic).toBe(levels100);
    }, []);
  });

  it("a SUBSCRIBE with 101 levels is answered with a failure, and the connection lives on", async () => {
    await withstand(
      async ({ port }) => {
        const client = await RawClient.connected(port, { clientId: "deep" });
        expect(await client.subscribe({ [levels101]: 0 })).toEqual([128]);
        expect(await client.subscribe({ fine: 1 }, 2)).toEqual([1]);
      },
      ["a subscription was refused: the filter has over 100 levels"],
    );
  });

  it("a will with 101 levels is refused", async () => {
    await withstand(
      async ({ port }) => {
        const client = await RawClient.open(port);
        client.connect({
          clientId: "deep",
          will: { topic: levels101, payload: Buffer.from("x"), qos: 0, retain: false },
        });
        await client.closed;
      },
      [/^ERR_TOPIC_INVALID .*will topic/],
    );
  });

  it("a will on $SYS is not published, and says so when it falls due", async () => {
    await withstand(
      async ({ port }) => {
        const watcher = await RawClient.connected(port, { clientId: "watcher" });
        await watcher.subscribe({ "$SYS/faked": 0, sign: 0 });
        const client = await RawClient.connected(port, {
          clientId: "liar",
          will: { topic: "$SYS/faked", payload: Buffer.from("x"), qos: 0, retain: true },
        });
        await client.cut();
        const later = await RawClient.connected(port, { clientId: "liar" }); // comes after the will in the gateway
        later.publish("sign", "x");
        expect((await watcher.message()).topic).toBe("sign");
      },
      [/^the will was not published: \$SYS\/ topic is reserved/],
    );
  });
});

describe("names that mean something to JavaScript are ordinary names", () => {
  it.each(["__proto__", "constructor", "toString", "hasOwnProperty"])("%s", async (name) => {
    await withstand(async ({ port }) => {
      const connect = async (clean: boolean): Promise<Client> =>
        RawClient.connected(port, {
          clientId: name,
          username: name,
          password: Buffer.from(name),
          clean,
          will: { topic: name, payload: Buffer.from("will"), qos: 1, retain: false },
        });
      const first = await connect(false);
      expect(first.sessionPresent).toBe(false);
      expect(await first.subscribe({ [name]: 1, [`${name}/${name}`]: 1 })).toEqual([1, 1]);
      first.publish(name, "flat", { retain: true });
      expect(await first.message()).toMatchObject({ topic: name, payload: "flat" });
      const second = await connect(false); // takes over; the will of the first is published to it
      await first.closed;
      expect(second.sessionPresent).toBe(true);
      expect(await second.message()).toMatchObject({ topic: name, payload: "will" });
      second.publish(`${name}/${name}`, "nested", { qos: 1, messageId: 3 });
      expect(await second.message()).toMatchObject({ topic: `${name}/${name}`, payload: "nested" });
      const other = await RawClient.connected(port, { clientId: "other" });
      await other.subscribe({ [name]: 0 });
      expect(await other.message()).toMatchObject({ payload: "flat", retain: true });
      second.send({ cmd: "unsubscribe", messageId: 4, unsubscriptions: [name] });
      await second.next("unsuback");
      await second.disconnect();
      expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    }, []);
  });
});
