import mqttPacket from "mqtt-packet";
import { describe, expect, it } from "vitest";
import type { Connection } from "../../src/device/connection.ts";
import { RawClient } from "../support/raw-client.ts";
import { type RunningGateway, startGateway } from "../support/start-gateway.ts";
import { withstand } from "./withstand.ts";

function publish(topic: string, options: { qos: 0 | 1 | 2; messageId?: number; payload?: Buffer }): Buffer {
  const { qos, messageId, payload = Buffer.from("x") } = options;
  const id = messageId === undefined ? {} : { messageId };
  return mqttPacket.generate({ cmd: "publish", qos, dup: false, retain: false, topic, payload, ...id });
}

function connectionOf({ gateway }: RunningGateway, id: string): Connection {
  return gateway.broker.clients[id] as unknown as Connection;
}

describe("handshakes that are never finished", () => {
  it.each([true, false])("65,535 QoS 2 messages without a PUBREL end the connection (clean: %s)", async (clean) => {
    await withstand(
      async ({ port }) => {
        const client = await RawClient.connected(port, { clientId: "half", clean });
        const all = Array.from({ length: 65535 }, (_, i) => publish("half", { qos: 2, messageId: i + 1 }));
        client.bytes(Buffer.concat(all));
        await client.closed;
        const answered = client.packets.map((packet) => packet.cmd === "pubrec" && packet.messageId);
        expect(answered).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
      },
      [/^ERR_LIMIT_EXCEEDED .*1000 QoS 2 messages wait for PUBREL/],
    );
  });

  it("a QoS 2 message repeated 65,535 times is published once [MQTT-4.3.3-2]", async () => {
    await withstand(async ({ port }) => {
      const watcher = await RawClient.connected(port, { clientId: "watcher" });
      await watcher.subscribe({ again: 0 });
      const client = await RawClient.connected(port, { clientId: "again" });
      const one = publish("again", { qos: 2, messageId: 1 });
      client.bytes(Buffer.concat(Array.from({ length: 65535 }, () => one)));
      await client.ping();
      expect(client.packets).toHaveLength(65535);
      await watcher.ping();
      expect(watcher.packets).toHaveLength(1);
    }, []);
  });

  it("acknowledgements for ids that are not in flight change nothing", async () => {
    await withstand(async ({ port }) => {
      const client = await RawClient.connected(port, { clientId: "acks" });
      for (const cmd of ["puback", "pubcomp"] as const) {
        for (let messageId = 1; messageId <= 1000; messageId++) client.send({ cmd, messageId });
      }
      await client.ping();
      expect(client.packets).toEqual([]);
      client.send({ cmd: "pubrec", messageId: 77 });
      expect(await client.next()).toMatchObject({ cmd: "pubrel", messageId: 77 });
      client.send({ cmd: "pubrel", messageId: 78 });
      expect(await client.next()).toMatchObject({ cmd: "pubcomp", messageId: 78 });
    }, []);
  });

  it("the wrong acknowledgement for the QoS does not settle a message", async () => {
    await withstand(async ({ port }) => {
      const client = await RawClient.connected(port, { clientId: "acks", clean: false });
      await client.subscribe({ "acks/#": 2 });
      client.publish("acks/one", "x", { qos: 1, messageId: 1 });
      client.publish("acks/two", "x", { qos: 2, messageId: 2 });
      const one = await client.message();
      const two = await client.message();
      client.send({ cmd: "pubrec", messageId: one.messageId as number });
      client.send({ cmd: "puback", messageId: two.messageId as number });
      client.send({ cmd: "pubcomp", messageId: two.messageId as number });
      await client.ping();
      await client.cut();
      const again = await RawClient.connected(port, { clientId: "acks", clean: false });
      expect([(await again.message()).topic, (await again.message()).topic]).toEqual(["acks/one", "acks/two"]);
    }, []);
  });
});

describe("too much at once", () => {
  it("a SUBSCRIBE with 50,000 filters is granted as far as the limit goes, and complained about once", async () => {
    await withstand(
      async (house) => {
        const client = await RawClient.connected(house.port, { clientId: "greedy" });
        const filters = Object.fromEntries(
          Array.from({ length: 50_000 }, (_, i) => [`g/${i.toString(36)}`, 0 as const]),
        );
        const granted = await client.subscribe(filters);
        expect(granted).toHaveLength(50_000);
        expect(granted.filter((code) => code === 0)).toHaveLength(1000);
        expect(connectionOf(house, "greedy").device?.session.subscriptions.size).toBe(1000);
      },
      ["a subscription was refused"],
    );
  });

  it("5,000 connections opened and dropped", async () => {
    await withstand(async ({ port, gateway }) => {
      const before = gateway.broker.connectedClients;
      let left = 5000;
      const visitor = async (index: number) => {
        while (left-- > 0) {
          const client = await RawClient.open(port);
          if (left % 3 === 0) client.connect({ clientId: `visitor-${index}` });
          if (left % 3 === 1) client.bytes("10");
          if (left % 2 === 0) client.socket.resetAndDestroy();
          else client.socket.end();
          await client.closed;
        }
      };
      await Promise.all(Array.from({ length: 20 }, (_, index) => visitor(index)));
      // The same ids once more: what the gateway has not noticed yet is taken over and then gone.
      for (let index = 0; index < 20; index++) {
        const client = await RawClient.connected(port, { clientId: `visitor-${index}` });
        await client.disconnect();
      }
      expect(gateway.broker.connectedClients).toBe(before);
    }, []);
  }, 20_000);

  it("connections beyond connectionsMax are refused, and there is room again when others leave", async () => {
    const changes = {
      listeners: { mqtt: { type: "tcp", port: 0, connectionsMax: 4 }, web: { type: "http", port: 0 } },
    };
    await withstand(
      async ({ port }) => {
        const clients = [
          await RawClient.connected(port, { clientId: "a" }),
          await RawClient.connected(port, { clientId: "b" }),
        ];
        const refused = await RawClient.open(port);
        await refused.closed;
        for (const client of clients) await client.disconnect();
      },
      [/connection refused: the listener has 4 connections/],
      { changes },
    );
  });

  it("a client that sends and never reads what it is answered is not read either", async () => {
    await withstand(async (house) => {
      const client = await RawClient.connected(house.port, { clientId: "deaf" });
      const connection = connectionOf(house, "deaf");
      client.socket.pause();
      let most = 0;
      const pings = Buffer.concat(Array.from({ length: 32768 }, () => Buffer.from([0xc0, 0])));
      house.gateway.broker.on("ping", () => {
        most = Math.max(most, connection.unsentBytes);
      });
      // 16 MB of answers: more than the buffers of the system between the two take.
      await floods(client, pings, 256);
      const limit = 1024 * 1024; // limits.sendBufferBytesMax
      expect(most).toBeLessThan(limit + 2 * 65536);
      await client.cut();
    }, []);
  });
});

/** Writes the chunk so many times, as fast as it is taken; resolves when all is taken or the gateway takes no more. */
async function floods(client: RawClient, chunk: Buffer, times: number): Promise<void> {
  const witness = client.socket;
  for (let i = 0; i < times; i++) {
    if (witness.write(chunk)) continue;
    const drained = new Promise<boolean>((resolve) => witness.once("drain", () => resolve(true)));
    if (!(await Promise.race([drained, quiet(witness)]))) return;
  }
}

/** Resolves with false when, over many turns of the event loop, the socket has taken nothing. */
async function quiet(socket: RawClient["socket"]): Promise<false> {
  let taken = socket.bytesWritten - socket.writableLength;
  for (let turns = 0; turns < 2000; turns++) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = socket.bytesWritten - socket.writableLength;
    if (now !== taken) turns = 0;
    taken = now;
  }
  return false;
}

describe("while the gateway stops", () => {
  it("a flood of messages and connections does not keep it from stopping, and nothing crashes", async () => {
    const house = await startGateway();
    const { gateway, port } = house;
    const subscribers = await Promise.all(
      Array.from({ length: 5 }, async (_, i) => {
        const client = await RawClient.connected(port, { clientId: `subscriber-${i}`, clean: i % 2 === 0 });
        await client.subscribe({ "flood/#": (i % 3) as 0 | 1 | 2 });
        return client;
      }),
    );
    const publishers = await Promise.all(
      Array.from({ length: 5 }, (_, i) => RawClient.connected(port, { clientId: `publisher-${i}` })),
    );
    const chunk = Buffer.concat(
      Array.from({ length: 500 }, (_, i) => publish(`flood/${i % 7}`, { qos: (i % 3) as 0 | 1 | 2, messageId: i + 1 })),
    );
    const busy = publishers.map(async (client) => {
      while (!client.isClosed && client.socket.writable) {
        if (client.socket.write(chunk)) await new Promise((resolve) => setImmediate(resolve));
        else await Promise.race([new Promise((resolve) => client.socket.once("drain", resolve)), client.closed]);
      }
    });
    const knocking = (async () => {
      for (let i = 0; ; i++) {
        const client = await RawClient.open(port).catch(() => null); // refused when nobody listens any more
        if (client === null) return;
        client.connect({ clientId: `late-${i}` });
        client.publish("flood/late", "x");
      }
    })();
    await subscribers[0]?.next("publish");
    await gateway.stop();
    await Promise.all([...busy, knocking, ...publishers.map(({ closed }) => closed)]);
    await Promise.all(subscribers.map(({ closed }) => closed));
    expect(gateway.broker.connectedClients).toBe(0);
    // The subscribers acknowledge nothing, so messages for them are dropped: that is all there is to complain about.
    expect(house.log.complaints.filter(({ fields }) => fields.reason === undefined)).toEqual([]);
  });
});
