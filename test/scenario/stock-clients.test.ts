import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { connect, connectAsync, type IClientOptions, type IConnackPacket, type MqttClient } from "mqtt";
import { describe, expect, it, onTestFinished } from "vitest";
import { type RunningGateway, startGateway } from "../support/start-gateway.ts";

const run = promisify(execFile);

type Carrier = "TCP" | "WebSocket";
const urlOf = (carrier: Carrier, { port, webPort }: RunningGateway) =>
  carrier === "TCP" ? `mqtt://127.0.0.1:${port}` : `ws://127.0.0.1:${webPort}/mqtt`;

/** An MQTT.js client that is connected, does not reconnect, and ends with the test. */
async function connected(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  const client = await connectAsync(url, { reconnectPeriod: 0, ...options });
  onTestFinished(() => client.endAsync(true));
  return client;
}

/** The next message of an MQTT.js client. */
function message(client: MqttClient): Promise<{ topic: string; payload: string; qos: number; retain: boolean }> {
  return new Promise((resolve) => {
    client.once("message", (topic, payload, { qos, retain }) => {
      resolve({ topic, payload: payload.toString(), qos, retain });
    });
  });
}

describe.each(["TCP", "WebSocket"] as const)("MQTT.js over %s", (carrier) => {
  it.each([3, 4, 5] as const)(
    "publishes and subscribes at every QoS with protocol version %i",
    async (protocolVersion) => {
      const url = urlOf(carrier, await startGateway());
      const version = { protocolVersion, protocolId: protocolVersion === 3 ? "MQIsdp" : "MQTT" } as const;
      const subscriber = await connected(url, { ...version, clientId: "subscriber" });
      const publisher = await connected(url, { ...version, clientId: "publisher" });
      await subscriber.subscribeAsync("a/#", { qos: 2 });
      for (const qos of [0, 1, 2] as const) {
        const received = message(subscriber);
        await publisher.publishAsync("a/b", "x".repeat(10_000), { qos });
        expect(await received).toEqual({ topic: "a/b", payload: "x".repeat(10_000), qos, retain: false });
      }
    },
  );

  it("gets retained messages", async () => {
    const url = urlOf(carrier, await startGateway());
    const publisher = await connected(url);
    await publisher.publishAsync("a", "kept", { qos: 1, retain: true });
    const subscriber = await connected(url);
    const received = message(subscriber);
    await subscriber.subscribeAsync("+", { qos: 1 });
    expect(await received).toEqual({ topic: "a", payload: "kept", qos: 1, retain: true });
  });

  it.each([4, 5] as const)("finds its session and what waited in it with protocol version %i", async (version) => {
    const url = urlOf(carrier, await startGateway());
    const properties = version === 5 ? { properties: { sessionExpiryInterval: 60 } } : {};
    const session = { clientId: "device", clean: false, protocolVersion: version, ...properties };
    const first = await connected(url, session);
    await first.subscribeAsync("a", { qos: 2 });
    await first.endAsync();
    const publisher = await connected(url);
    for (const qos of [1, 2] as const) await publisher.publishAsync("a", `${qos}`, { qos });
    // The messages may come together with CONNACK: listen before connecting.
    const second = connect(url, { ...session, reconnectPeriod: 0 });
    onTestFinished(() => second.endAsync(true));
    const payloads: string[] = [];
    const both = new Promise<void>((resolve) => {
      second.on("message", (_topic, payload) => {
        payloads.push(payload.toString());
        if (payloads.length === 2) resolve();
      });
    });
    const connack = await new Promise<IConnackPacket>((resolve) => second.once("connect", resolve));
    await both;
    expect(connack.sessionPresent).toBe(true);
    expect(payloads).toEqual(["1", "2"]);
  });

  it("has its will published", async () => {
    const url = urlOf(carrier, await startGateway());
    const watcher = await connected(url);
    await watcher.subscribeAsync("will", { qos: 1 });
    const client = await connected(url, {
      will: { topic: "will", payload: Buffer.from("gone"), qos: 1, retain: false },
    });
    const received = message(watcher);
    client.stream.destroy();
    expect(await received).toMatchObject({ payload: "gone", qos: 1 });
  });
});

it("lets MQTT.js over WebSocket and over TCP talk to each other", async () => {
  const running = await startGateway();
  const clients = [await connected(urlOf("TCP", running)), await connected(urlOf("WebSocket", running))];
  for (const client of clients) await client.subscribeAsync("a", { qos: 1 });
  for (const publisher of clients) {
    const received = Promise.all(clients.map(message));
    await publisher.publishAsync("a", "hello", { qos: 1 });
    expect((await received).map(({ payload }) => payload)).toEqual(["hello", "hello"]);
  }
});

const mosquitto = spawnSync("mosquitto_sub", ["--help"]).error === undefined;

describe.skipIf(!mosquitto)(
  "mosquitto_pub and mosquitto_sub (skipped where Debian's mosquitto-clients are missing)",
  () => {
    it.each([
      ["mqttv31", 0],
      ["mqttv31", 1],
      ["mqttv31", 2],
      ["mqttv311", 0],
      ["mqttv311", 1],
      ["mqttv311", 2],
      ["mqttv5", 0],
      ["mqttv5", 1],
      ["mqttv5", 2],
    ] as const)("speak %s at QoS %i", async (version, qos) => {
      const { gateway, port } = await startGateway();
      const common = ["-h", "127.0.0.1", "-p", `${port}`, "-V", version, "-q", `${qos}`];
      const subscribed = once(gateway.broker, "subscribe");
      const output = run("mosquitto_sub", [...common, "-t", "a/+", "-C", "3", "-W", "10", "-F", "%t %q %r %p"]);
      await subscribed;
      for (const n of [1, 2, 3]) await run("mosquitto_pub", [...common, "-t", `a/${n}`, "-m", `message ${n}`]);
      const { stdout } = await output;
      expect(stdout.trim().split("\n")).toEqual([1, 2, 3].map((n) => `a/${n} ${qos} 0 message ${n}`));
    });

    it.each(["mqttv31", "mqttv311", "mqttv5"])(
      "keep a session while mosquitto_sub is away, and get retained messages, with %s",
      async (version) => {
        const { gateway, port } = await startGateway();
        const common = ["-h", "127.0.0.1", "-p", `${port}`, "-V", version, "-q", "1"];
        const device = [...common, "-i", "device", "-c", "-t", "a/#", "-W", "10"];
        await run("mosquitto_sub", [...device, "-E"]);
        for (const n of [1, 2]) await run("mosquitto_pub", [...common, "-t", "a/b", "-m", `waited ${n}`]);
        await run("mosquitto_pub", [...common, "-t", "r", "-m", "kept", "-r"]);
        expect(Object.keys(gateway.broker.clients)).toEqual([]);
        const { stdout } = await run("mosquitto_sub", [...device, "-C", "2"]);
        expect(stdout.trim().split("\n")).toEqual(["waited 1", "waited 2"]);
        const retained = await run("mosquitto_sub", [...common, "-t", "r", "-C", "1", "-W", "10", "-F", "%r %p"]);
        expect(retained.stdout.trim()).toBe("1 kept");
      },
    );
  },
);
