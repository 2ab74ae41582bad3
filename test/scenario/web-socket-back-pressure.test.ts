import type { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Connection } from "../../src/device/connection.ts";
import { RawClient } from "../support/raw-client.ts";
import type { RunningGateway } from "../support/start-gateway.ts";
import { WebClient } from "./web-client.ts";
import { withstand } from "./withstand.ts";

function connectionOf({ gateway }: RunningGateway, id: string): Connection {
  return gateway.broker.clients[id] as unknown as Connection;
}

describe("back-pressure over a WebSocket", () => {
  it("a reader that does not read costs a bounded number of bytes, and then gets what waited, in order", async () => {
    await withstand(
      async (house) => {
        const reader = await WebClient.connected(house.webPort, "reader");
        await reader.subscribe("bulk/#", 1);
        reader.socket.pause();
        const connection = connectionOf(house, "reader");
        const writer = await RawClient.connected(house.port, { clientId: "writer" });
        const payload = Buffer.alloc(65536, 1);
        let most = 0;
        for (let i = 0; i < 400; i++) {
          payload.writeUInt32BE(i);
          writer.publish("bulk/zero", payload);
          await writer.ping();
          most = Math.max(most, connection.unsentBytes);
        }
        for (let i = 1; i <= 50; i++) {
          writer.publish("bulk/one", `${i}`, { qos: 1, messageId: i });
          await writer.next("puback");
        }
        expect(most).toBeGreaterThan(1024 * 1024 - 65536); // it did fill
        expect(most).toBeLessThan(1024 * 1024 + 2 * 65536);
        reader.socket.resume();
        for (let i = 1; i <= 50; i++) {
          const message = await nextOn(reader, "bulk/one");
          expect(message.payload.toString()).toBe(`${i}`);
          reader.send({ cmd: "puback", messageId: message.messageId as number });
        }
      },
      [/dropped/],
    );
  });

  it("a writer is not read while the gateway cannot take more, and nothing of what it sent is lost", async () => {
    await withstand(async (house) => {
      const { broker } = house.gateway;
      const writer = await WebClient.connected(house.webPort, "writer");
      const published: string[] = [];
      broker.on("publish", ({ topic }, client) => {
        if (client?.id === "writer") published.push(topic);
      });
      let release: () => void = () => {};
      const held = new Promise<void>((resolve) => {
        broker.authorizePublish = (client, packet, callback) => {
          if (client?.id !== "writer" || packet.topic !== "slow/0") return callback(null);
          release = () => callback(null);
          resolve();
        };
      });
      const count = 400;
      for (let i = 0; i < count; i++) {
        const payload = Buffer.alloc(65536);
        writer.send({ cmd: "publish", qos: 0, dup: false, retain: false, topic: `slow/${i}`, payload });
      }
      await held;
      await settled(() => writer.socket.bufferedAmount);
      expect(writer.socket.bufferedAmount).toBeGreaterThan(4 * 1024 * 1024);
      const stream = connectionOf(house, "writer").conn as Duplex & { _readableState: { length: number } };
      expect(stream.isPaused()).toBe(true);
      expect(stream._readableState.length).toBeLessThan(1024 * 1024);
      release();
      await writer.ping();
      expect(published).toEqual(Array.from({ length: count }, (_, i) => `slow/${i}`));
    }, []);
  });
});

async function nextOn(client: WebClient, topic: string) {
  for (;;) {
    const packet = await client.next("publish");
    if (packet.cmd === "publish" && packet.topic === topic) return packet;
  }
}

/** Resolves when, over many turns of the event loop, the number has not changed. */
async function settled(number: () => number): Promise<void> {
  let before = number();
  for (let turns = 0; turns < 2000; turns++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (number() !== before) turns = 0;
    before = number();
  }
}
