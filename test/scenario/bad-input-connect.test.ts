import mqttPacket, { type Packet } from "mqtt-packet";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { RawClient } from "../support/raw-client.ts";
import { type Complaint, withstand } from "./withstand.ts";

const httpRequest = Buffer.from(
  "GET / HTTP/1.1\r\nHost: 127.0.0.1:1883\r\nUser-Agent: a browser\r\nAccept: text/html\r\n\r\n",
).toString("hex");

/** Sent as the first bytes of a connection. */
const firstBytes: [name: string, bytes: string, complaint: Complaint][] = [
  ["PUBLISH before CONNECT", "30 03 0001 61", /^ERR_PROTOCOL_VIOLATION .*first packet is not CONNECT/],
  ["SUBSCRIBE before CONNECT", "82 06 0001 0001 61 00", /^ERR_PROTOCOL_VIOLATION .*not CONNECT/],
  ["PINGREQ before CONNECT", "c0 00", /^ERR_PROTOCOL_VIOLATION .*not CONNECT/],
  ["DISCONNECT before CONNECT", "e0 00", /^ERR_PROTOCOL_VIOLATION .*not CONNECT/],
  ["PUBREL before CONNECT", "62 02 0001", /^ERR_PROTOCOL_VIOLATION .*not CONNECT/],
  ["an HTTP request", httpRequest, /^ERR_MALFORMED_PACKET/],
  ["a TLS hello", "16030100050100000100", /^ERR_/],
  ["another protocol name", "10 0d 0004 4d515858 04 02 0000 0001 78", /^ERR_MALFORMED_PACKET .*protocol name.*MQXX/],
  [
    "the reserved connect flag",
    "10 0d 0004 4d515454 04 03 0000 0001 78",
    /^ERR_MALFORMED_PACKET .*reserved connect flag/,
  ],
  ["will QoS without a will", "10 0d 0004 4d515454 04 0a 0000 0001 78", /^ERR_MALFORMED_PACKET .*without a will/],
  ["will QoS 3", "10 13 0004 4d515454 04 1e 0000 0001 78 0001 74 0001 70", /^ERR_MALFORMED_PACKET .*will QoS is 3/],
  [
    "a password without a user name",
    "10 10 0004 4d515454 04 42 0000 0001 78 0001 70",
    /^ERR_MALFORMED_PACKET .*password/,
  ],
  ["bytes after the last field", "10 0e 0004 4d515454 04 02 0000 0001 78 00", /^ERR_MALFORMED_PACKET .*last field/],
  [
    "a client id that is not UTF-8",
    "10 0d 0004 4d515454 04 02 0000 0001 ff",
    /^ERR_MALFORMED_PACKET .*client id.*UTF-8/,
  ],
  ["a client id with U+0000", "10 0d 0004 4d515454 04 02 0000 0001 00", /^ERR_MALFORMED_PACKET .*client id.*U\+0000/],
  [
    "a will topic with a wildcard",
    "10 13 0004 4d515454 04 06 0000 0001 78 0001 23 0001 70",
    /^ERR_TOPIC_INVALID .*will/,
  ],
  ["an empty CONNECT", "10 00", /^ERR_MALFORMED_PACKET .*middle of a field/],
];

function connectWithId(clientId: string): Buffer {
  const common = { protocolId: "MQTT", protocolVersion: 4, clean: true, keepalive: 0 } as const;
  return mqttPacket.generate({ cmd: "connect", ...common, clientId });
}

describe("a connection that does not begin well is closed without an answer", () => {
  it.each(firstBytes)("%s", async (_name, bytes, complaint) => {
    await withstand(
      async ({ port }) => {
        const client = await RawClient.open(port);
        client.bytes(bytes);
        await client.closed;
        expect(client.packets).toEqual([]);
      },
      [complaint],
    );
  });
});

describe("a CONNECT that is well formed but not served gets its return code", () => {
  it.each<[name: string, bytes: string | Buffer, code: number, version?: number]>([
    ["an unknown protocol level", "10 0d 0004 4d515454 4d 02 0000 0001 78", 0x84, 5],
    ["an old protocol level", "10 0d 0004 4d515454 02 02 0000 0001 78", 1],
    ["MQTT 3.1 under the name of 3.1.1", "10 0d 0004 4d515454 03 02 0000 0001 78", 1],
    ["an empty client id without a clean session", "10 0c 0004 4d515454 04 00 0000 0000", 2],
    ["a client id of 65,535 bytes", connectWithId("x".repeat(65535)), 2],
  ])("%s", async (_name, bytes, code, version = 4) => {
    await withstand(
      async ({ port }) => {
        const client = await RawClient.open(port, version);
        client.bytes(bytes);
        expect(await client.next("connack")).toMatchObject(version === 5 ? { reasonCode: code } : { returnCode: code });
        await client.closed;
      },
      [/^ERR_CONNECT_REFUSED/],
    );
  });

  it("every other field may have 65,535 bytes", async () => {
    const long = "x".repeat(65535);
    await withstand(async ({ port }) => {
      const will = { topic: "will", payload: Buffer.alloc(65535, 1), qos: 2, retain: false } as const;
      const client = await RawClient.connected(port, { username: long, password: Buffer.from(long), will });
      await client.disconnect();
    }, []);
  });

  it("but a will topic may not: it is over the limit of topics", async () => {
    await withstand(
      async ({ port }) => {
        const client = await RawClient.open(port);
        client.connect({ will: { topic: "x".repeat(65535), payload: Buffer.from("x"), qos: 0, retain: false } });
        await client.closed;
      },
      [/^ERR_TOPIC_INVALID .*will topic/],
    );
  });
});

describe("a connection that gets no further", () => {
  it("never sends CONNECT: it is cut off after connectSeconds", async () => {
    const clock = new ManualClock();
    await withstand(
      async ({ port }) => {
        const client = await RawClient.open(port);
        const witness = await RawClient.connected(port, { clientId: "witness" }); // was accepted after it
        clock.advance(10_000);
        expect(client.isClosed).toBe(false);
        await witness.ping();
        clock.advance(2000);
        await client.closed;
        await witness.ping();
      },
      [/^ERR_CONNECT_TIMEOUT .*within 10 s/],
      { clock },
    );
  });

  it("sends CONNECT one byte at a time and stops: bytes do not put off the end", async () => {
    const clock = new ManualClock();
    await withstand(
      async ({ port, gateway }) => {
        const client = await RawClient.open(port);
        const witness = await RawClient.connected(port, { clientId: "witness" });
        for (const byte of connectWithId("slow").subarray(0, -1)) {
          client.bytes([byte]);
          await witness.ping();
          clock.advance(1000);
        }
        await client.closed;
        expect(client.packets).toEqual([]);
        expect(Object.keys(gateway.broker.clients)).not.toContain("slow");
      },
      [/^ERR_CONNECT_TIMEOUT/],
      { clock },
    );
  });

  it("is half open after CONNECT and silent: the keep alive ends it, and its will is published [MQTT-3.1.2-24]", async () => {
    const clock = new ManualClock();
    await withstand(
      async ({ port }) => {
        const watcher = await RawClient.connected(port, { clientId: "watcher" });
        await watcher.subscribe({ gone: 0 });
        const will = { topic: "gone", payload: Buffer.from("x"), qos: 0, retain: false } as const;
        const client = await RawClient.connected(port, { clientId: "half-open", keepalive: 10, will });
        client.socket.pause();
        for (let seconds = 0; seconds < 18; seconds++) clock.advance(1000);
        expect((await watcher.message()).topic).toBe("gone");
        client.socket.resume();
        await client.closed;
      },
      [/^ERR_KEEP_ALIVE_TIMEOUT .*10 s/],
      { clock },
    );
  });

  it("ends its half of the stream after CONNECT: that is the end of the connection, and no fault", async () => {
    await withstand(async ({ port, log }) => {
      const client = await RawClient.connected(port, { clientId: "half" });
      client.socket.end();
      await client.closed;
      expect(log.lines.filter(({ fields }) => fields.code === "ERR_STREAM")).toHaveLength(1);
    }, []);
  });
});

describe("one byte at a time", () => {
  it("a whole conversation is understood", async () => {
    await withstand(async ({ port }) => {
      const packets: Packet[] = [
        { cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, clientId: "slow", keepalive: 0 },
        { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "slow/#", qos: 2 }] },
        { cmd: "publish", qos: 0, dup: false, retain: false, topic: "slow/zero", payload: Buffer.alloc(300, 1) },
        { cmd: "publish", qos: 1, messageId: 2, dup: false, retain: false, topic: "slow/one", payload: "" },
        { cmd: "publish", qos: 2, messageId: 3, dup: false, retain: false, topic: "slow/two", payload: "é" },
        { cmd: "pubrel", messageId: 3 },
        { cmd: "unsubscribe", messageId: 4, unsubscriptions: ["slow/#"] },
        { cmd: "pingreq" },
      ];
      const client = await RawClient.open(port);
      for (const byte of Buffer.concat(packets.map((packet) => mqttPacket.generate(packet)))) client.bytes([byte]);
      await client.next("pingresp");
      const answers = client.packets.map((packet) => (packet.cmd === "publish" ? packet.topic : packet.cmd));
      expect(answers.filter((each) => each.startsWith("slow/"))).toEqual(["slow/zero", "slow/one", "slow/two"]);
      expect(answers.filter((each) => !each.startsWith("slow/"))).toEqual([
        "connack",
        "suback",
        "puback",
        "pubrec",
        "pubcomp",
        "unsuback",
      ]);
    }, []);
  });
});
