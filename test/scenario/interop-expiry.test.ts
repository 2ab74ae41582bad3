import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { type Restarts, restarts } from "../support/restarts.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { hasMosquitto, Mosquitto, properties } from "./mosquitto-clients.ts";
import { MqttJsClient, urlOf } from "./mqtt-js-client.ts";

const root = temporaryDirectory();
/** What a gateway that is killed needs to have everything on the disk takes a second of the clock. */
const KILL_SECONDS = 1;
const restarted = ["stopped", "killed"] as const;

/** A gateway whose time stands still, with Mosquitto's programs. */
async function house() {
  const clock = new ManualClock();
  const running = await restarts(root, {}, clock);
  const pass = (seconds: number) => clock.advance(seconds * 1000);
  return { ...running, pass, ...programs(running) };
}

function programs(running: Restarts) {
  const mosquitto = new Mosquitto(running);
  const lampIs = (...more: string[]) => mosquitto.subscribe("-i", "lamp", "-q", "1", "-t", "a/#", ...more);
  return { mosquitto, lampIs };
}

const expires = (seconds: number) => properties("publish", ["message-expiry-interval", `${seconds}`]);

/** Whether the lamp's session is there: MQTT.js says so. It leaves at once, and the session lives on for as long as it did. */
async function sessionPresent(running: Restarts, sessionExpiryInterval = 0): Promise<boolean> {
  const options = { clientId: "lamp", clean: false, properties: { sessionExpiryInterval } };
  const { client, connack } = await MqttJsClient.connected(urlOf("TCP", running), options);
  const gone = once(running.gateway.broker, "clientDisconnect");
  await client.endAsync();
  await gone;
  return connack.sessionPresent;
}

describe.skipIf(!hasMosquitto)("a message that expires", () => {
  it("is counted down in whole seconds while it waits, and is not delivered after its time", async () => {
    const { mosquitto, lampIs, pass } = await house();
    await lampIs("-c", "-E");
    for (const seconds of [10, 100, 1000]) {
      await mosquitto.publish("-t", "a/b", "-m", `${seconds}`, "-q", "1", ...expires(seconds));
    }
    await mosquitto.publish("-t", "a/b", "-m", "for ever", "-q", "1");
    pass(40);
    expect((await lampIs("-c", "-C", "3", "-F", "%p %E")).lines).toEqual(["100 60", "1000 960", "for ever "]);
  });

  it.each(restarted)("goes on ageing while the gateway is down: %s", async (how) => {
    const before = await house();
    await before.lampIs("-c", "-E");
    for (const seconds of [10, 100, 1000]) {
      await before.mosquitto.publish("-t", "a/b", "-m", `${seconds}`, "-q", "1", ...expires(seconds));
    }
    before.pass(5);
    await before.gateway.broker.store.durable();
    if (how === "stopped") await before.gateway.stop();
    before.pass(35 - (how === "killed" ? KILL_SECONDS : 0));
    const { lampIs } = programs(await before[how]());
    expect((await lampIs("-c", "-C", "2", "-F", "%p %E")).lines).toEqual(["100 60", "1000 960"]);
  });

  it.each(restarted)("is retained no longer than that, also over a restart: %s", async (how) => {
    const before = await house();
    for (const seconds of [10, 100]) {
      await before.mosquitto.publish("-t", `kept/${seconds}`, "-m", "x", "-q", "1", "-r", ...expires(seconds));
    }
    await before.mosquitto.publish("-t", "kept/last", "-m", "x", "-q", "1", "-r");
    const read = async (running: Restarts, count: number) => {
      const args = ["-t", "kept/#", "-q", "1", "-C", `${count}`, "-F", "%t %r %E"];
      return (await new Mosquitto(running).subscribe(...args)).lines.sort();
    };
    before.pass(3);
    expect(await read(before, 3)).toEqual(["kept/10 1 7", "kept/100 1 97", "kept/last 1 "]);
    before.pass(17 - (how === "killed" ? KILL_SECONDS : 0));
    expect(await read(await before[how](), 2)).toEqual(["kept/100 1 80", "kept/last 1 "]);
  });

  it("expires for a device of MQTT 3.1.1 as well", async () => {
    const running = await house();
    const { mosquitto, pass } = running;
    const old = new Mosquitto(running, "mqttv311");
    const session = ["-i", "old", "-c", "-q", "1", "-t", "a"];
    await old.subscribe(...session, "-E");
    await mosquitto.publish("-t", "a", "-m", "short", "-q", "1", ...expires(10));
    await mosquitto.publish("-t", "a", "-m", "long", "-q", "1", ...expires(100));
    pass(20);
    expect((await old.subscribe(...session, "-C", "1")).lines).toEqual(["long"]);
  });
});

describe.skipIf(!hasMosquitto)("a session that expires", () => {
  it.each([
    ["stopped", 50, true],
    ["stopped", 200, false],
    ["killed", 50, true],
    ["killed", 200, false],
  ] as const)(
    "is kept for as long as -x says, also while the gateway is %s: after %i s %s",
    async (how, seconds, kept) => {
      const before = await house();
      await before.lampIs("-c", "-x", "100", "-E");
      await before.mosquitto.publish("-t", "a/b", "-m", "waited", "-q", "1");
      const after = await before[how]();
      before.pass(seconds);
      expect(await sessionPresent(after)).toBe(kept);
    },
  );

  it("ends with its connection without -x, and does not without -c but with -x", async () => {
    const running = await house();
    await running.lampIs("-E");
    expect(await sessionPresent(running)).toBe(false);
    await running.lampIs("-x", "100", "-E");
    expect(await sessionPresent(running)).toBe(true);
  });

  it("is given another end by the DISCONNECT of its device", async () => {
    const running = await house();
    await running.lampIs("-c", "-x", "100", "-E", ...properties("disconnect", ["session-expiry-interval", "1000"]));
    running.pass(500);
    expect(await sessionPresent(running, 100)).toBe(true);
    await running.lampIs("-c", "-x", "100", "-E", ...properties("disconnect", ["session-expiry-interval", "0"]));
    expect(await sessionPresent(running)).toBe(false);
  });

  it("is told the longest that there is here, where it asks for more", async () => {
    const { connack } = await MqttJsClient.connected(urlOf("TCP", await restarts(root)), {
      clientId: "lamp",
      properties: { sessionExpiryInterval: 0xffff_ffff },
    });
    expect(connack.properties).toMatchObject({ sessionExpiryInterval: 604_800 });
  });
});

describe.skipIf(!hasMosquitto)("a will with a delay", () => {
  /** A watcher whose session stays, and a device that was killed with such a will. */
  async function mourned(delaySeconds: number) {
    const running = await house();
    const { mosquitto } = running;
    const watch = ["-i", "watcher", "-c", "-q", "1", "-t", "wills/#"];
    await mosquitto.subscribe(...watch, "-E");
    const will = ["--will-topic", "wills/lamp", "--will-payload", "gone", "--will-qos", "1", "-x", "3600"];
    const delay = properties("will", ["will-delay-interval", `${delaySeconds}`], ["user-property", "a", "b"]);
    const device = await mosquitto.subscribed("-i", "lamp", "-t", "a", ...will, ...delay);
    const lost = once(running.gateway.broker, "clientDisconnect");
    device.kill();
    await lost;
    /** The will that the watcher finds; a message that comes after it tells that there is none. */
    const found = async (alive: Restarts = running) => {
      const again = new Mosquitto(alive);
      await again.publish("-t", "wills/end", "-m", "end", "-q", "1");
      const next = async () => (await again.subscribe(...watch, "-C", "1", "-F", "%p %P")).lines[0]?.trim();
      const first = await next();
      if (first === "end") return undefined;
      expect(await next()).toBe("end");
      return first;
    };
    return { ...running, found };
  }

  it("is published when the delay is over, and not before", async () => {
    const { found, pass } = await mourned(60);
    pass(58);
    expect(await found()).toBeUndefined();
    pass(4);
    expect(await found()).toBe("gone a:b");
  });

  it("is not published where the device is back in time", async () => {
    const { found, pass, mosquitto } = await mourned(60);
    pass(50);
    await mosquitto.subscribe("-i", "lamp", "-c", "-x", "3600", "-t", "a", "-E");
    pass(50);
    expect(await found()).toBeUndefined();
  });

  it.each(restarted)("waits over a restart: %s", async (how) => {
    const { found, pass, ...before } = await mourned(60);
    pass(30);
    const after = await before[how]();
    expect(await found(after)).toBeUndefined();
    pass(32);
    expect(await found(after)).toBe("gone a:b");
  });

  it("is published at once where the session ends with it", async () => {
    const running = await house();
    const watcher = await MqttJsClient.connected(urlOf("WebSocket", running));
    await watcher.client.subscribeAsync("wills/#", { qos: 1 });
    const payload = Buffer.from("gone");
    const { client } = await MqttJsClient.connected(urlOf("TCP", running), {
      will: { topic: "wills/1", payload, qos: 1, properties: { willDelayInterval: 3600 } },
    });
    client.stream.destroy();
    expect(await watcher.message()).toMatchObject({ payload: "gone" });
  });
});
