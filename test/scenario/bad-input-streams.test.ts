import mqttPacket, { type Packet } from "mqtt-packet";
import { describe, expect, it } from "vitest";
import { RawClient } from "../support/raw-client.ts";
import { SeededRandom } from "./seeded-random.ts";
import { withstand } from "./withstand.ts";

const connect: Packet = {
  cmd: "connect",
  protocolId: "MQTT",
  protocolVersion: 4,
  clean: true,
  clientId: "cut",
  keepalive: 30,
  username: "user",
  password: Buffer.from("password"),
  will: { topic: "will", payload: Buffer.from("gone"), qos: 1, retain: false },
};

/** Every packet that a client may send, and how much of its body makes it malformed when it is cut there. */
const packets: [name: string, packet: Packet, fixedBytes?: number][] = [
  ["CONNECT", connect],
  ["PUBLISH at QoS 0", { cmd: "publish", qos: 0, dup: false, retain: false, topic: "cut/a", payload: "12345" }, 7],
  [
    "PUBLISH at QoS 1",
    { cmd: "publish", qos: 1, messageId: 5, dup: false, retain: true, topic: "cut/a", payload: "12" },
    9,
  ],
  [
    "PUBLISH at QoS 2",
    { cmd: "publish", qos: 2, messageId: 6, dup: false, retain: false, topic: "cut/b", payload: "12" },
    9,
  ],
  ["PUBACK", { cmd: "puback", messageId: 7 }],
  ["PUBREC", { cmd: "pubrec", messageId: 7 }],
  ["PUBREL", { cmd: "pubrel", messageId: 7 }],
  ["PUBCOMP", { cmd: "pubcomp", messageId: 7 }],
  [
    "SUBSCRIBE",
    {
      cmd: "subscribe",
      messageId: 8,
      subscriptions: [
        { topic: "cut/#", qos: 1 },
        { topic: "x", qos: 0 },
      ],
    },
  ],
  ["UNSUBSCRIBE", { cmd: "unsubscribe", messageId: 9, unsubscriptions: ["cut/#", "x"] }],
  ["PINGREQ", { cmd: "pingreq" }],
  ["DISCONNECT", { cmd: "disconnect" }],
];

/** Opens a connection that is ready for the packet: a CONNECT comes first, all others after one. */
function ready(port: number, packet: Packet): Promise<RawClient> {
  return packet.cmd === "connect" ? RawClient.open(port) : RawClient.connected(port, { clientId: "cut" });
}

describe("a connection cut in the middle of a packet ends without a complaint", () => {
  it.each(packets)("%s, after each of its bytes", async (_name, packet) => {
    await withstand(async ({ port, gateway }) => {
      const frame = mqttPacket.generate(packet);
      for (let length = 1; length < frame.length; length++) {
        const client = await ready(port, packet);
        client.bytes(frame.subarray(0, length));
        if (length % 2 === 0) client.socket.end();
        else client.socket.resetAndDestroy();
        await client.closed;
      }
      const last = await RawClient.connected(port, { clientId: "cut" });
      await last.disconnect();
      expect(Object.keys(gateway.broker.clients)).not.toContain("cut");
    }, []);
  });
});

describe("a packet whose body is too short for its fields is malformed", () => {
  // DISCONNECT and PINGREQ have no body.
  it.each(packets.slice(0, -2))("%s, cut at each of its bytes", async (_name, packet, fixedBytes) => {
    const frame = mqttPacket.generate(packet);
    const body = frame.subarray(2); // all are shorter than 128 bytes
    const cuts = Array.from({ length: fixedBytes ?? body.length }, (_, i) => i);
    // After its first filter, a SUBSCRIBE is whole again.
    const whole = packet.cmd === "subscribe" ? [10] : packet.cmd === "unsubscribe" ? [9] : [];
    const bad = cuts.filter((length) => !whole.includes(length));
    await withstand(
      async ({ port }) => {
        for (const length of bad) {
          const client = await ready(port, packet);
          client.bytes(Buffer.concat([Buffer.from([frame[0] as number, length]), body.subarray(0, length)]));
          await client.closed;
          expect(client.packets).toEqual([]);
        }
      },
      bad.map(() => /^ERR_MALFORMED_PACKET/),
    );
  });
});

describe("noise", () => {
  const whole = packets.map(([, packet]) => mqttPacket.generate(packet));

  /** Sends each of the inputs on a connection of its own, a few at a time, and waits until all are closed. */
  async function sendAll(port: number, inputs: Buffer[], first: Buffer | null): Promise<void> {
    const next = inputs[Symbol.iterator]();
    const sender = async () => {
      for (const input of next) {
        const client = await RawClient.open(port);
        client.socket.removeAllListeners("data").resume(); // what comes back may be anything
        if (first !== null) client.bytes(first);
        client.bytes(input);
        client.socket.end();
        await client.closed;
      }
    };
    await Promise.all(Array.from({ length: 20 }, sender));
  }

  /** Only peers may be found at fault: a crash of a device would be a defect of ours. */
  async function endure(inputs: Buffer[], first: Buffer | null): Promise<void> {
    const random = await withstandCounting(async (port) => sendAll(port, inputs, first));
    expect(random.filter((code) => code === "ERR_DEVICE_CRASHED" || code === "ERR_INVARIANT")).toEqual([]);
  }

  async function withstandCounting(act: (port: number) => Promise<void>): Promise<unknown[]> {
    let codes: unknown[] = [];
    await withstand(async ({ port, log, gateway }) => {
      await act(port);
      expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
      codes = log.complaints.map(({ fields }) => fields.code);
      log.lines.length = 0; // how many of the inputs were bad is chance
      expect(gateway.broker.closed).toBe(false);
    }, []);
    return codes;
  }

  it("random bytes on a fresh connection", async () => {
    const random = new SeededRandom(1);
    const inputs = Array.from({ length: 1000 }, () => random.bytes(1 + random.below(64)));
    await endure(inputs, null);
  });

  it("random bytes after CONNECT", async () => {
    const random = new SeededRandom(2);
    const inputs = Array.from({ length: 1000 }, () => random.bytes(1 + random.below(64)));
    await endure(inputs, mqttPacket.generate({ ...connect, clientId: "", will: undefined } as never));
  });

  it("good packets with some bytes changed", async () => {
    const random = new SeededRandom(3);
    const inputs = Array.from({ length: 1500 }, () => {
      const stream = Buffer.concat(Array.from({ length: 4 }, () => whole[random.below(whole.length)] as Buffer));
      for (let i = 0; i < 3; i++) stream[random.below(stream.length)] = random.below(256);
      return stream;
    });
    await endure(inputs, mqttPacket.generate({ ...connect, clientId: "", will: undefined } as never));
  });

  it("CONNECTs with some bytes changed", async () => {
    const random = new SeededRandom(4);
    const inputs = Array.from({ length: 1000 }, () => {
      const frame = Buffer.from(whole[0] as Buffer);
      for (let i = 0; i < 2; i++) frame[random.below(frame.length)] = random.below(256);
      return frame;
    });
    await endure(inputs, null);
  });

  it("good packets cut anywhere into segments are understood as if they had come whole", async () => {
    const random = new SeededRandom(5);
    await withstand(async ({ port }) => {
      const client = await RawClient.connected(port, { clientId: "pieces" });
      await client.subscribe({ "pieces/#": 0 });
      const sizes = Array.from({ length: 200 }, () => random.below(400));
      const stream = Buffer.concat(
        sizes.map((size, i) =>
          mqttPacket.generate({
            cmd: "publish",
            qos: 0,
            dup: false,
            retain: false,
            topic: `pieces/${i}`,
            payload: Buffer.alloc(size, i),
          }),
        ),
      );
      for (let at = 0; at < stream.length; ) {
        const end = at + 1 + random.below(150);
        client.bytes(stream.subarray(at, end));
        at = end;
        if (random.below(4) === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      for (const [i, size] of sizes.entries()) {
        const message = await client.next("publish");
        expect(message).toMatchObject({ topic: `pieces/${i}`, payload: Buffer.alloc(size, i) });
      }
    }, []);
  });
});
