import mqemitter from "mqemitter";
import { describe, expect, it } from "vitest";
import type { Device } from "../../src/device/device.ts";
import { connected5 } from "../support/client-5.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { RawClient } from "../support/raw-client.ts";
import { embedParts } from "./embedded.ts";

/** A broker whose hook for what is forwarded throws for one client, as long as `broken` says so. */
async function house(broken: { id: string; now: boolean }) {
  const clock = new ManualClock();
  const running = await embedParts({
    clock,
    options: {
      authorizeForward(client, packet) {
        if (broken.now && client.id === broken.id) throw new TypeError("the hook is broken");
        return packet;
      },
    },
  });
  return { ...running, clock };
}

function errorsOf({ log }: Awaited<ReturnType<typeof house>>) {
  return log.lines.filter(({ level }) => level === "error");
}

function deviceOf({ registry }: Awaited<ReturnType<typeof embedParts>>, id: string): Device | undefined {
  return [...registry.devices].find((device) => device.id === id);
}

/** Lets the work that a timer has started come to its end. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

describe("a device that crashes", () => {
  it.each<0 | 1 | 2>([0, 1, 2])(
    "loses its connection, the reason is logged, and nobody else notices, at QoS %s",
    async (qos) => {
      const running = await house({ id: "frail", now: true });
      const before = await RawClient.connected(running.port, { clientId: "before" });
      const frail = await RawClient.connected(running.port, { clientId: "frail" });
      const after = await RawClient.connected(running.port, { clientId: "after" });
      for (const client of [before, frail, after]) await client.subscribe({ t: 2 });
      before.publish("t", "x", { qos, messageId: 1 });
      await frail.closed;
      for (const client of [before, after]) expect(await client.message()).toMatchObject({ payload: "x", qos });
      if (qos > 0) await before.next(qos === 1 ? "puback" : "pubrec");
      expect(frail.packets).toEqual([]);
      expect(errorsOf(running)).toMatchObject([
        {
          text: expect.stringContaining("the device crashed"),
          fields: { device: "frail", error: { message: "the hook is broken" } },
        },
      ]);
      expect(running.registry.restarts).toBe(1);
      expect(running.broker.connectedClients).toBe(2);
    },
  );

  it("publishes its will", async () => {
    const running = await house({ id: "frail", now: true });
    const watcher = await RawClient.connected(running.port, { clientId: "watcher" });
    await watcher.subscribe({ will: 1 });
    const will = { topic: "will", payload: Buffer.from("x"), qos: 1, retain: false } as const;
    const frail = await RawClient.connected(running.port, { clientId: "frail", will });
    await frail.subscribe({ t: 0 });
    watcher.publish("t", "x");
    expect((await watcher.message()).topic).toBe("will");
  });

  it("is kept no longer than its client asked for, when it is built anew", async () => {
    const running = await house({ id: "frail", now: true });
    const frail = await connected5(running.port, { clientId: "frail", lives: 60 });
    await frail.subscribe({ t: 0 });
    const other = await RawClient.connected(running.port, { clientId: "other" });
    other.publish("t", "x");
    await frail.closed;
    running.clock.advance(1000);
    await turns();
    expect(deviceOf(running, "frail")?.session.expirySeconds).toBe(60);
    running.clock.advance(61_000);
    await turns();
    expect(deviceOf(running, "frail")).toBeUndefined();
  });

  it("while it publishes, by a hook that throws, is contained too", async () => {
    const running = await house({ id: "", now: false });
    running.broker.authorizePublish = (client, packet, callback) => {
      if (client?.id === "frail" && packet.topic === "t") throw new TypeError("the hook is broken");
      callback(null);
    };
    const other = await RawClient.connected(running.port, { clientId: "other" });
    const frail = await RawClient.connected(running.port, { clientId: "frail", clean: false });
    frail.publish("t", "x", { qos: 1, messageId: 1 });
    await frail.closed;
    await other.ping();
    expect(errorsOf(running)).toHaveLength(1);
  });

  it("comes back from the store after a back-off, with its subscriptions and what waited, and misses nothing", async () => {
    const broken = { id: "frail", now: true };
    const running = await house(broken);
    const { clock, registry } = running;
    const frail = await RawClient.connected(running.port, { clientId: "frail", clean: false });
    await frail.subscribe({ "t/#": 1 });
    const sender = await RawClient.connected(running.port, { clientId: "sender" });
    const send = async (messageId: number) => {
      sender.publish(`t/${messageId}`, "x", { qos: 1, messageId });
      await sender.next("puback");
    };
    await send(1); // the one it crashes on
    await frail.closed;
    broken.now = false;
    const ids = () => [...registry.devices].map(({ id }) => id);
    await send(2); // comes while there is no device
    clock.advance(99);
    await turns();
    expect(ids()).not.toContain("frail");
    clock.advance(1);
    await turns();
    expect(ids()).toContain("frail");
    await send(3); // comes to the device that was built anew
    const back = await RawClient.connected(running.port, { clientId: "frail", clean: false });
    expect(back.sessionPresent).toBe(true);
    for (const topic of ["t/1", "t/2", "t/3"]) expect((await back.message()).topic).toBe(topic);
    await back.ping();
    expect(back.packets).toEqual([]);
  });

  // Between reading what waits in the store and taking its place in the router, a message reaches the store only.
  it("gets what is published while it is being built anew", async () => {
    const broken = { id: "frail", now: true };
    const running = await house(broken);
    const { broker } = running;
    const frail = await RawClient.connected(running.port, { clientId: "frail", clean: false });
    await frail.subscribe({ "t/#": 1 });
    const publish = (topic: string) =>
      broker.publish({ cmd: "publish", topic, payload: "x", qos: 1, dup: false, retain: false }, () => {});
    publish("t/crash");
    await frail.closed;
    broken.now = false;
    const read = broker.store.outstanding.bind(broker.store);
    broker.store.outstanding = (clientId) => {
      const found = read(clientId);
      publish("t/meanwhile");
      return found;
    };
    const back = await RawClient.connected(running.port, { clientId: "frail", clean: false });
    await back.ping();
    expect(back.packets).toMatchObject([{ topic: "t/crash" }, { topic: "t/meanwhile" }]);
  });

  it("may connect before the back-off is over", async () => {
    const broken = { id: "frail", now: true };
    const running = await house(broken);
    const frail = await RawClient.connected(running.port, { clientId: "frail", clean: false });
    await frail.subscribe({ t: 1 });
    const sender = await RawClient.connected(running.port, { clientId: "sender" });
    sender.publish("t", "x", { qos: 1, messageId: 1 });
    await frail.closed;
    broken.now = false;
    const back = await RawClient.connected(running.port, { clientId: "frail", clean: false });
    expect([back.sessionPresent, (await back.message()).topic]).toEqual([true, "t"]);
    running.clock.advance(1000);
    await turns();
    await back.ping();
    expect([back.isClosed, back.packets]).toEqual([false, []]);
  });

  it.each([true, false])(
    "more than five times in 30 s is refused with return code 3 until time has passed (clean: %s)",
    async (clean) => {
      const broken = { id: "frail", now: true };
      const running = await house(broken);
      const { clock, port } = running;
      const sender = await RawClient.connected(port, { clientId: "sender" });
      for (let crash = 1; crash <= 6; crash++) {
        const frail = await RawClient.connected(port, { clientId: "frail", clean });
        await frail.subscribe({ t: 0 });
        sender.publish("t", "x");
        await frail.closed;
        await sender.ping();
        clock.advance(1000);
        await turns();
      }
      expect(running.registry.restarts).toBe(6);
      const refused = await RawClient.open(port);
      refused.connect({ clientId: "frail", clean });
      expect(await refused.next("connack")).toMatchObject({ returnCode: 3 });
      await refused.closed;
      expect(
        errorsOf(running)
          .map(({ text }) => text)
          .filter((text) => text.includes("too often")),
      ).toHaveLength(1);
      broken.now = false;
      clock.advance(30_000);
      await turns();
      const back = await RawClient.connected(port, { clientId: "frail", clean });
      await back.subscribe({ t: 0 });
      sender.publish("t", "better");
      expect((await back.message()).payload).toBe("better");
    },
  );

  it("leaves what others are owed by it: five crashes far apart refuse nobody", async () => {
    const broken = { id: "frail", now: true };
    const { clock, port } = await house(broken);
    const sender = await RawClient.connected(port, { clientId: "sender" });
    for (let crash = 1; crash <= 8; crash++) {
      const frail = await RawClient.connected(port, { clientId: "frail" });
      await frail.subscribe({ t: 0 });
      sender.publish("t", "x");
      await frail.closed;
      clock.advance(7000);
    }
  });

  it("has its QoS 2 messages in the store: a repetition is answered and not published again, and reading goes on", async () => {
    const running = await embedParts();
    const connect = () => RawClient.connected(running.port, { clientId: "frail", clean: false });
    const first = await connect();
    first.publish("t", "x", { qos: 2, messageId: 1 });
    await first.next("pubrec");
    running.registry.failed(deviceOf(running, "frail") as Device, new TypeError("broken"));
    await first.closed;
    const back = await connect();
    back.publish("t", "x", { qos: 2, messageId: 1, dup: true });
    await back.next("pubrec");
    await back.ping();
  });

  it("gets what comes meanwhile at the QoS that it was granted, and not what is hidden from its filter [MQTT-3.8.4-6] [MQTT-4.7.2-1]", async () => {
    const running = await embedParts();
    const connect = () => RawClient.connected(running.port, { clientId: "frail", clean: false });
    const frail = await connect();
    await frail.subscribe({ "#": 1 });
    running.registry.failed(deviceOf(running, "frail") as Device, new TypeError("broken"));
    await frail.closed;
    const packet = { cmd: "publish", payload: "x", qos: 2, retain: false, dup: false } as const;
    running.broker.publish({ ...packet, topic: "$hidden/a" }, () => {});
    running.broker.publish({ ...packet, topic: "a" }, () => {});
    const back = await connect();
    await back.ping();
    expect(back.packets).toMatchObject([{ topic: "a", qos: 1 }]);
  });

  it("while its session is loaded is refused, not replaced by an empty one", async () => {
    const running = await embedParts();
    const connect = () => RawClient.connected(running.port, { clientId: "c", clean: false });
    const first = await connect();
    await first.subscribe({ a: 1 });
    running.registry.failed(deviceOf(running, "c") as Device, new TypeError("broken"));
    await first.closed;
    running.broker.store.outstanding = async () => [null as never];
    const back = await RawClient.open(running.port);
    back.connect({ clientId: "c", clean: false });
    expect(await back.next("connack")).toMatchObject({ returnCode: 3 });
  });

  it("while its mailbox drains, by a hook that throws, is contained too", async () => {
    const running = await embedParts({
      settings: { sendBufferBytesMax: 1024 },
      options: {
        authorizeForward(_client, packet) {
          if (packet.topic === "t/bad") throw new TypeError("the hook is broken");
          return packet;
        },
      },
    });
    const frail = await RawClient.connected(running.port, { clientId: "frail" });
    await frail.subscribe({ "t/#": 1 });
    const sender = await RawClient.connected(running.port, { clientId: "sender" });
    const big = {
      cmd: "publish",
      topic: "t/1",
      payload: Buffer.alloc(4000),
      qos: 1,
      retain: false,
      dup: false,
    } as const;
    running.broker.publish(big, () => {});
    running.broker.publish({ ...big, topic: "t/bad" }, () => {});
    await frail.closed;
    await sender.ping();
    expect(running.registry.restarts).toBe(1);
  });

  it("behind a foreign mq does not harm the publisher", async () => {
    const running = await embedParts({
      options: {
        mq: mqemitter() as never,
        authorizeForward(client) {
          throw new TypeError(`the hook is broken for ${client.id}`);
        },
      },
    });
    const frail = await RawClient.connected(running.port, { clientId: "frail" });
    await frail.subscribe({ a: 1 });
    const sender = await RawClient.connected(running.port, { clientId: "sender" });
    sender.publish("a", "x", { qos: 1, messageId: 1 });
    await frail.closed;
    await sender.next("puback");
  });
});
