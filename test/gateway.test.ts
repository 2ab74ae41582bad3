import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { Gateway } from "../src/gateway.ts";
import { WebClient } from "./scenario/web-client.ts";
import { LogRecorder } from "./support/log-recorder.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { RawClient } from "./support/raw-client.ts";
import { startGateway, testConfig } from "./support/start-gateway.ts";

describe("Gateway", () => {
  it("carries a message from a publisher to a subscriber", async () => {
    const { port } = await startGateway();
    const [dashboard, sensor] = [
      await RawClient.connected(port, { clientId: "d" }),
      await RawClient.connected(port, { clientId: "s" }),
    ];
    await dashboard.subscribe({ "sensors/+/temperature": 1 });
    sensor.publish("sensors/1/temperature", "21.5", { qos: 1, messageId: 1 });
    expect(await dashboard.message()).toMatchObject({
      topic: "sensors/1/temperature",
      payload: "21.5",
      qos: 1,
      retain: false,
    });
    await sensor.next("puback");
  });

  it("opens several listeners of each kind, by name, and none that is not enabled", async () => {
    const tcp = { type: "tcp", port: 0 };
    const listeners = {
      mqtt: tcp,
      second: tcp,
      web: { type: "http", port: 0, enabled: false },
      panel: { type: "http", port: 0, mqttPath: "/ws" },
    };
    const { gateway } = await startGateway({ listeners });
    expect([...gateway.addresses.keys()]).toEqual(["mqtt", "second", "panel"]);
    expect(gateway.addresses.get("panel")).toMatchObject({ type: "http", mqttPath: "/ws" });
    for (const name of ["mqtt", "second"])
      await RawClient.connected(gateway.addresses.get(name)?.port as number, { clientId: name });
  });

  it("does not start where one listener cannot, says why and what to do, and leaves nothing open", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const listeners = { mqtt: { type: "tcp", port: 0 }, web: { type: "http", port } };
    const gateway = new Gateway(testConfig({ listeners }), { log: new LogRecorder() });
    await expect(gateway.start()).rejects.toMatchObject({
      code: "ERR_LISTEN",
      message: expect.stringContaining(`127.0.0.1:${port}: another program`),
    });
    expect(gateway.addresses.size).toBe(0);
    other.close();
  });

  it("publishes the wills of connected devices and closes their connections when it stops", async () => {
    const gateway = new Gateway(testConfig(), { log: new LogRecorder() });
    await gateway.start();
    const port = gateway.addresses.get("mqtt")?.port as number;
    const watcher = await RawClient.connected(port, { clientId: "watcher" });
    await watcher.subscribe({ gone: 0 });
    const will = { topic: "gone", payload: Buffer.from("sensor"), qos: 0 as const, retain: false };
    const sensor = await RawClient.connected(port, { clientId: "a-sensor", will });
    await gateway.stop();
    await Promise.all([sensor.closed, watcher.closed]);
  });

  it("tells its state on $SYS, retained, under Mosquitto's names", async () => {
    const clock = new ManualClock();
    const { port } = await startGateway({}, clock);
    const client = await RawClient.connected(port, { clientId: "watcher" });
    await client.subscribe({ "$SYS/broker/clients/connected": 0, "$SYS/broker/uptime": 0 });
    const before = [await client.message(), await client.message()];
    expect(before.every(({ retain }) => retain)).toBe(true);
    clock.advance(10_000);
    const after = [await client.message(), await client.message()];
    expect(Object.fromEntries(after.map(({ topic, payload }) => [topic, payload]))).toEqual({
      "$SYS/broker/clients/connected": "1",
      "$SYS/broker/uptime": "10 seconds",
    });
  });
});

describe("a changed configuration", () => {
  it("opens and closes listeners while connections live on", async () => {
    const { gateway, port } = await startGateway();
    const client = await RawClient.connected(port, { clientId: "stays" });
    const next = testConfig({
      listeners: {
        mqtt: { type: "tcp", port: 0, enabled: false },
        web: { type: "http", port: 0 },
        extra: { type: "tcp", port: 0 },
      },
    });
    const { applied, needsRestart } = await gateway.reconfigure(next);
    expect(applied.sort()).toEqual(["listeners.extra", "listeners.mqtt"]);
    expect(needsRestart).toEqual([]);
    await client.ping();
    await expect(RawClient.open(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await RawClient.connected(gateway.addresses.get("extra")?.port as number, { clientId: "late" });
  });

  it("changes limits for devices that are connected", async () => {
    const { gateway, port } = await startGateway({ limits: { topicLevelsMax: 2 } });
    const client = await RawClient.connected(port, { clientId: "c" });
    expect(await client.subscribe({ "a/b/c": 0 })).toEqual([128]);
    const { applied } = await gateway.reconfigure(testConfig({ limits: { topicLevelsMax: 3 } }));
    expect(applied).toContain("limits");
    expect(await client.subscribe({ "a/b/c": 0 })).toEqual([0]);
  });

  it("says what needs a restart", async () => {
    const { gateway } = await startGateway();
    const next = testConfig({ gateway: { name: "porch" }, log: { level: "debug", format: "json" } });
    expect(await gateway.reconfigure(next)).toEqual({
      applied: ["log.level"],
      needsRestart: ["gateway", "log.format"],
    });
  });

  it("puts a listener that cannot open back as it was, and applies the rest", async () => {
    const { gateway, port, webPort } = await startGateway();
    const listeners = { mqtt: { type: "tcp", port: 0 }, web: { type: "http", port }, extra: { type: "tcp", port: 0 } };
    await expect(gateway.reconfigure(testConfig({ listeners }))).rejects.toMatchObject({ code: "ERR_LISTEN" });
    expect([...gateway.addresses.keys()].sort()).toEqual(["extra", "mqtt", "web"]);
    expect(gateway.addresses.get("web")?.port).not.toBe(port);
    expect(webPort).not.toBe(port);
    const again = { mqtt: { type: "tcp", port: 0 }, web: { type: "http", port: 0 }, extra: { type: "tcp", port: 0 } };
    expect(await gateway.reconfigure(testConfig({ listeners: again }))).toEqual({ applied: [], needsRestart: [] });
  });

  it("leaves the other listeners alone where a new one cannot open", async () => {
    const { gateway, port } = await startGateway();
    const next = testConfig({
      listeners: { mqtt: { type: "tcp", port: 0 }, web: { type: "http", port: 0 }, twin: { type: "tcp", port } },
    });
    await expect(gateway.reconfigure(next)).rejects.toMatchObject({ code: "ERR_LISTEN" });
    await RawClient.connected(port, { clientId: "still" });
  });

  it("lets two listeners change places", async () => {
    const { gateway, port, webPort } = await startGateway();
    const listeners = { mqtt: { type: "tcp", port: webPort }, web: { type: "http", port } };
    const { applied } = await gateway.reconfigure(testConfig({ listeners }));
    expect(applied).toEqual(["listeners.mqtt", "listeners.web"]);
    expect(gateway.addresses.get("web")?.port).toBe(port);
    await RawClient.connected(webPort, { clientId: "moved" });
  });

  it("names every listener that cannot open", async () => {
    const { gateway } = await startGateway();
    const [one, two] = [await takenPort(), await takenPort()];
    const listeners = { one: { type: "tcp", port: one }, two: { type: "http", port: two } };
    await expect(gateway.reconfigure(testConfig({ listeners }))).rejects.toMatchObject({
      code: "ERR_LISTEN",
      message: expect.stringMatching(
        new RegExp(`cannot listen on 127.0.0.1:${one}: .*; cannot listen on 127.0.0.1:${two}: `),
      ),
    });
    expect([...gateway.addresses.keys()]).toEqual([]);
  });

  it("lets larger packets in over a WebSocket too", async () => {
    const { gateway, webPort } = await startGateway({ limits: { packetBytesMax: 1024 } });
    await gateway.reconfigure(testConfig({ limits: { packetBytesMax: 4096 } }));
    const client = await WebClient.connected(webPort, "web");
    client.send({ cmd: "publish", topic: "a", payload: "x".repeat(2000), qos: 0, dup: false, retain: false });
    await client.ping();
  });
});

async function takenPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}
