import { describe, expect, it } from "vitest";
import { field, frame } from "../support/frame.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

type Will = { topic: string; payload: Buffer; qos: 0 | 1 | 2; retain: boolean };

function willOf(changes: Partial<Will> = {}): Will {
  return { topic: "will/device", payload: Buffer.from("gone"), qos: 0, retain: false, ...changes };
}

/** A client with a will, and a watcher of wills. */
async function pair(will: Will = willOf(), clock?: ManualClock) {
  const running = await startGateway({}, clock);
  const watcher = await RawClient.connected(running.port, { clientId: "watcher" });
  await watcher.subscribe({ "will/#": 2 });
  const client = await RawClient.connected(running.port, { clientId: "device", keepalive: 10, will });
  return { ...running, watcher, client };
}

describe("a will", () => {
  it("is published when the line is cut [MQTT-3.1.2-8]", async () => {
    const { watcher, client } = await pair();
    await client.cut();
    expect(await watcher.message()).toMatchObject({ topic: "will/device", payload: "gone" });
  });

  it("is published when the client closes the stream without DISCONNECT [MQTT-3.1.2-8]", async () => {
    const { watcher, client } = await pair();
    client.socket.end();
    expect(await watcher.message()).toMatchObject({ payload: "gone" });
  });

  it("is published when the keep alive runs out [MQTT-3.1.2-8]", async () => {
    const clock = new ManualClock();
    const { watcher, client } = await pair(willOf(), clock);
    clock.advance(20_000);
    expect(await watcher.message()).toMatchObject({ payload: "gone" });
    await client.closed;
  });

  it("is published when the gateway closes the connection for a malformed packet [MQTT-3.1.2-8]", async () => {
    const { watcher, client } = await pair();
    client.bytes("30 00");
    expect(await watcher.message()).toMatchObject({ payload: "gone" });
  });

  it("is published when the device is taken over, and the new connection has its own [MQTT-3.1.2-8] [MQTT-3.1.4-2]", async () => {
    const { port, watcher, client } = await pair();
    const will = willOf({ payload: Buffer.from("second") });
    const second = await RawClient.connected(port, { clientId: "device", will });
    await client.closed;
    expect(await payloadsSoFar(watcher)).toEqual(["gone"]);
    await second.cut();
    expect(await watcher.message()).toMatchObject({ payload: "second" });
  });

  it("stays in the store for the new connection while that of the old one is still being authorized", async () => {
    const { gateway, port, watcher, client } = await pair();
    let answer: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      gateway.broker.authorizePublish = (_client, _packet, done) => {
        answer = () => done(null);
        resolve();
      };
    });
    await RawClient.connected(port, { clientId: "device", will: willOf({ payload: Buffer.from("second") }) });
    await client.closed;
    await asked;
    answer();
    expect(await watcher.message()).toMatchObject({ payload: "gone" });
    const kept = await gateway.broker.store.getWill({ id: "device" });
    expect(kept?.payload.toString()).toBe("second");
  });

  it("is not published after DISCONNECT [MQTT-3.1.2-10] [MQTT-3.14.4-3]", async () => {
    const { watcher, client } = await pair();
    await client.disconnect();
    expect(await messagesSoFar(watcher)).toEqual([]);
  });

  it("is not published where the client has none [MQTT-3.1.2-12]", async () => {
    const { port, watcher, client } = await pair();
    await client.disconnect();
    const without = await RawClient.connected(port, { clientId: "device" });
    await without.cut();
    expect(await messagesSoFar(watcher)).toEqual([]);
  });

  it("is not published a second time when the client returns and leaves properly [MQTT-3.1.2-10]", async () => {
    const { port, watcher, client } = await pair();
    await client.cut();
    await watcher.message();
    const back = await RawClient.connected(port, { clientId: "device" });
    await back.disconnect();
    expect(await messagesSoFar(watcher)).toEqual([]);
  });

  it.each([0, 1, 2] as const)("is published at its QoS %i [MQTT-3.1.2-9]", async (qos) => {
    const { watcher, client } = await pair(willOf({ qos }));
    await client.cut();
    expect(await watcher.message()).toMatchObject({ payload: "gone", qos });
  });

  it("without will retain is not kept [MQTT-3.1.2-16]", async () => {
    const { port, watcher, client } = await pair(willOf({ qos: 1 }));
    await client.cut();
    expect(await watcher.message()).toMatchObject({ retain: false });
    const late = await RawClient.connected(port, { clientId: "late" });
    await late.subscribe({ "will/#": 1 });
    expect(await messagesSoFar(late)).toEqual([]);
  });

  it("with will retain is kept [MQTT-3.1.2-17]", async () => {
    const { port, watcher, client } = await pair(willOf({ qos: 1, retain: true }));
    await client.cut();
    expect(await watcher.message()).toMatchObject({ retain: false });
    const late = await RawClient.connected(port, { clientId: "late" });
    await late.subscribe({ "will/#": 1 });
    expect(await messagesSoFar(late)).toMatchObject([{ payload: "gone", qos: 1, retain: true }]);
  });

  it("may be empty, and then removes what is retained [MQTT-3.1.2-9] [MQTT-3.3.1-10]", async () => {
    const { port, watcher, client } = await pair(willOf({ payload: Buffer.alloc(0), retain: true }));
    await publishAcknowledged(client, "will/device", "here", { retain: true });
    await client.cut();
    expect([(await watcher.message()).payload, (await watcher.message()).payload]).toEqual(["here", ""]);
    const late = await RawClient.connected(port, { clientId: "late" });
    await late.subscribe({ "will/#": 1 });
    expect(await messagesSoFar(late)).toEqual([]);
  });

  it("comes after everything that its client has published", async () => {
    const { watcher, client } = await pair(willOf({ qos: 2 }));
    client.publish("will/x", "1", { qos: 2, messageId: 1 });
    client.publish("will/x", "2", { qos: 2, messageId: 2 });
    await client.ping();
    await client.cut();
    expect([await watcher.message(), await watcher.message(), await watcher.message()]).toMatchObject([
      { payload: "1" },
      { payload: "2" },
      { payload: "gone" },
    ]);
  });

  it("waits for a device that is away, like any message [MQTT-3.1.2-5]", async () => {
    const { port, watcher, client } = await pair(willOf({ qos: 1 }));
    const away = await RawClient.connected(port, { clientId: "away", clean: false });
    await away.subscribe({ "will/+": 1 });
    await away.disconnect();
    await client.cut();
    await watcher.message();
    const back = await RawClient.connected(port, { clientId: "away", clean: false });
    expect(await payloadsSoFar(back)).toEqual(["gone"]);
  });

  it.each(["", "will/+", "will/#"])(
    "with the topic %j closes the connection without an answer [MQTT-3.3.2-2] [MQTT-4.7.3-1]",
    async (topic) => {
      const { port } = await startGateway();
      const client = await RawClient.open(port);
      client.bytes(frame(0x10, field("MQTT"), [4, 0x06, 0, 0], field("a"), field(topic), field("x")));
      await client.closed;
      expect(client.packets).toEqual([]);
    },
  );
});
