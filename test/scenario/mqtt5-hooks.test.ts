import { describe, expect, it } from "vitest";
import type { EdgeBroker } from "../../src/broker/edge-broker.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { restarts } from "../support/restarts.ts";
import { startGateway } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { Device5 } from "./mqtt5-device.ts";

const root = temporaryDirectory();
const livesSeconds = 3600;

/** Has `authorizePublish` answer in a turn of its own. Resolves after so many answers, with what they threw at the hook. */
function answersLater(broker: EdgeBroker, count: number, change: (packet: object) => void = () => {}) {
  const thrown: unknown[] = [];
  return new Promise<unknown[]>((resolve) => {
    broker.authorizePublish = (_client, packet, done) => {
      change(packet);
      setImmediate(() => {
        try {
          done(null);
        } catch (error) {
          thrown.push(error);
        }
        if (--count === 0) resolve(thrown);
      });
    };
  });
}

/** A store that is not told of what is acknowledged soon: the clock stands still. The subscriber acknowledges nothing by itself. */
async function house() {
  const running = await restarts(root, {}, new ManualClock());
  const subscriber = await Device5.connect(running.port, "subscriber", { livesSeconds });
  await subscriber.subscribe({ "t/#": 1 });
  const publisher = await Device5.connect(running.port, "publisher");
  return { ...running, broker: running.gateway.broker, subscriber, publisher };
}

/** Publishes each message to `t/a` again, with the same payload, below `mirror/`. */
function mirror(broker: EdgeBroker): void {
  broker.on("publish", (packet) => {
    if (packet.topic === "t/a") broker.publish({ ...packet, topic: "mirror/a" } as never, () => {});
  });
}

describe("authorizePublish that answers in a turn of its own", () => {
  it("is thrown nothing where the client is over its receive maximum: the client is, with 0x93 [MQTT-3.3.4-7]", async () => {
    const { gateway, port } = await startGateway({ sessions: { inboundInFlightMax: 3 } });
    const thrown = answersLater(gateway.broker, 4);
    const publisher = await Device5.connect(port, "publisher");
    for (let i = 1; i <= 4; i++) publisher.publish("t/a", `${i}`, { qos: 2 });
    expect(await thrown).toEqual([]);
    expect(await publisher.sentAway()).toBe(0x93);
  });

  it("is thrown nothing where it made properties that are none: its client's connection is closed", async () => {
    const { gateway, port } = await startGateway();
    const thrown = answersLater(gateway.broker, 1, (packet) =>
      Object.assign(packet, { properties: { contentType: 5 } }),
    );
    const publisher = await Device5.connect(port, "publisher");
    publisher.publish("t/a", "x", { qos: 1 });
    expect(await thrown).toEqual([]);
    await publisher.closed;
    expect(publisher.packets).toMatchObject([{ cmd: "disconnect" }]);
  });
});

describe("a hook that throws", () => {
  it("costs its client the connection, with one DISCONNECT and no more [MQTT-3.14.4-1]", async () => {
    const { gateway, port, log } = await startGateway();
    gateway.broker.authorizePublish = () => {
      throw new TypeError("the hook is broken");
    };
    const publisher = await Device5.connect(port, "publisher", { livesSeconds });
    publisher.publish("t/a", "x", { qos: 1 });
    await publisher.closed;
    expect(publisher.packets).toMatchObject([{ cmd: "disconnect", reasonCode: 0x80 }]);
    expect(log.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });
});

describe("PUBACK waits for the receivers", () => {
  it("also where the `published` hook answers in a turn of its own [MQTT-4.3.2-2]", async () => {
    const { broker, subscriber, publisher } = await house();
    const passed = new Promise<void>((resolve) => {
      broker.published = ({ topic }, _client, done) => {
        setImmediate(() => {
          done();
          if (topic === "t/a") resolve();
        });
      };
    });
    const packetId = publisher.publish("t/a", "x", { qos: 1 });
    const message = await subscriber.message();
    await passed;
    await publisher.ping();
    expect(publisher.packets).toEqual([]);
    await subscriber.acknowledge(message);
    expect(await publisher.answer("puback", packetId)).toBe(0);
  });

  it("and not for those of a message that a listener made of the same payload [MQTT-4.3.2-2]", async () => {
    const { port, broker, subscriber, publisher } = await house();
    mirror(broker);
    const other = await Device5.connect(port, "other", { livesSeconds });
    await other.subscribe({ "mirror/#": 1 });
    const packetId = publisher.publish("t/a", "x", { qos: 1 });
    const message = await subscriber.message();
    expect((await other.take()).topic).toBe("mirror/a");
    await other.ping();
    await publisher.ping();
    expect(publisher.packets).toEqual([]);
    await subscriber.acknowledge(message);
    expect(await publisher.answer("puback", packetId)).toBe(0);
  });

  it.each([1, 2] as const)(
    "and says what became of the message itself, not of the one that a listener made of it, at QoS %s",
    async (qos) => {
      const { port, gateway } = await startGateway();
      mirror(gateway.broker);
      const publisher = await Device5.connect(port, "publisher");
      expect(await publisher.publishWhole("t/a", "x", { qos })).toBe(0x10);
      const subscriber = await Device5.connect(port, "subscriber");
      await subscriber.subscribe({ "t/#": 0 });
      expect(await publisher.publishWhole("t/a", "x", { qos })).toBe(0);
      await subscriber.unsubscribe("t/#");
      await subscriber.subscribe({ "mirror/#": 0 });
      expect(await publisher.publishWhole("t/a", "x", { qos })).toBe(0x10);
    },
  );
});
