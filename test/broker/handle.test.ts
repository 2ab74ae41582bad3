import { once } from "node:events";
import { Duplex, duplexPair } from "node:stream";
import mqttPacket, { type Packet } from "mqtt-packet";
import { describe, expect, it, onTestFinished } from "vitest";
import { createBroker } from "../../src/create-broker.ts";
import type { Connection } from "../../src/device/connection.ts";

const connect: Packet = {
  cmd: "connect",
  protocolId: "MQTT",
  protocolVersion: 4,
  clean: true,
  clientId: "inside",
  keepalive: 0,
};

async function broker() {
  const created = await createBroker();
  onTestFinished(() => new Promise<void>((resolve) => created.close(() => resolve())));
  return created;
}

/** Collects packets from a stream; `next` resolves with the next one. */
function packetsOf(stream: Duplex): { next(): Promise<Packet> } {
  const packets: Packet[] = [];
  let wake: () => void = () => {};
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on("packet", (packet) => {
    packets.push(packet);
    wake();
  });
  stream.on("data", (chunk) => parser.parse(chunk));
  return {
    async next() {
      while (packets.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return packets.shift() as Packet;
    },
  };
}

describe("broker.handle takes any Duplex", () => {
  it("a pair of streams in memory", async () => {
    const { handle } = await broker();
    const [near, far] = duplexPair();
    const client = handle(far);
    expect([client.conn, client.connected]).toEqual([far, false]);
    const packets = packetsOf(near);
    near.write(mqttPacket.generate(connect));
    expect(await packets.next()).toMatchObject({ cmd: "connack", returnCode: 0 });
    expect([client.id, client.connected]).toEqual(["inside", true]);
    near.write(mqttPacket.generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 1 }] }));
    expect(await packets.next()).toMatchObject({ cmd: "suback" });
    const publish = { cmd: "publish", qos: 1, messageId: 9, dup: false, retain: false, topic: "a" } as const;
    near.write(mqttPacket.generate({ ...publish, payload: Buffer.alloc(100_000, 3) }));
    const answers = [await packets.next(), await packets.next()];
    expect(answers.map(({ cmd }) => cmd).sort()).toEqual(["puback", "publish"]);
    near.write(mqttPacket.generate({ cmd: "disconnect" }));
    await once(near, "end");
    expect(client.closed).toBe(true);
  });

  it("the request of an upgrade is at hand in the hooks", async () => {
    const { handle } = await broker();
    const [, far] = duplexPair();
    const request = { headers: { cookie: "x" }, connDetails: { ipAddress: "10.0.0.1" } };
    const client = handle(far, request as never);
    expect([client.req, (client as unknown as { connDetails: unknown }).connDetails]).toEqual([
      request,
      { ipAddress: "10.0.0.1" },
    ]);
    client.close();
  });

  // The end of the stream overtakes bytes that wait for the handshake.
  it("a stream that has all its bytes ready at once", async () => {
    const { handle } = await broker();
    const bytes = Buffer.concat([connect, { cmd: "pingreq" } as Packet].map((packet) => mqttPacket.generate(packet)));
    const written: Buffer[] = [];
    const stream = new Duplex({
      read() {
        this.push(bytes);
        this.push(null);
      },
      write(chunk, _encoding, callback) {
        written.push(chunk);
        callback();
      },
    });
    handle(stream);
    await once(stream, "close");
    expect(Buffer.concat(written).toString("hex")).toBe("20020000d000");
  });

  it("a stream that fails while it is written to", async () => {
    const running = await broker();
    const failed = once(running, "clientError");
    const bytes = mqttPacket.generate(connect);
    const stream = new Duplex({
      read() {},
      write(_chunk, _encoding, callback) {
        callback(new Error("the cable is cut"));
      },
    });
    running.handle(stream);
    stream.push(bytes);
    const [client, error] = await failed;
    expect([client.id, error.message]).toEqual(["inside", "the cable is cut"]);
    expect(running.connectedClients).toBe(0);
  });

  it("a stream that is destroyed already", async () => {
    const running = await broker();
    const [, far] = duplexPair();
    far.destroy();
    const closed = once(running, "connectionError");
    running.handle(far);
    await closed;
  });

  it("a stream that closes while it is not read, because its peer does not read the answers", async () => {
    const running = await broker();
    const gone = new Promise((resolve) => running.once("clientDisconnect", resolve));
    const stuck = new Duplex({
      read() {},
      write() {}, // never done
      autoDestroy: false,
      emitClose: true,
      destroy(error, done) {
        done(error);
      },
    });
    running.handle(stuck);
    stuck.push(mqttPacket.generate(connect));
    await new Promise((resolve) => running.once("clientReady", resolve));
    for (let n = 0; n < 5; n++) stuck.push(Buffer.alloc(65_536, Buffer.from([0xc0, 0])));
    const { inside } = running.clients as unknown as Record<string, Connection>;
    while ((inside?.unsentBytes ?? 0) <= 256 * 1024) await new Promise((resolve) => setImmediate(resolve));
    expect(stuck.isPaused()).toBe(true);
    stuck.destroy();
    await gone;
  });
});
