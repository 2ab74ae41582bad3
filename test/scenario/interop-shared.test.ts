import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { restarts } from "../support/restarts.ts";
import { startGateway } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { hasMosquitto, Mosquitto } from "./mosquitto-clients.ts";
import { MqttJsClient, urlOf } from "./mqtt-js-client.ts";

const root = temporaryDirectory();
const MESSAGES = 20;
const payloads = Array.from({ length: MESSAGES }, (_, number) => `${number}`);
const inOrder = (lines: string[]) => lines.map(Number).sort((a, b) => a - b);
const all = payloads.map(Number);
const group = ["-t", "$share/workers/jobs/#"];

describe.skipIf(!hasMosquitto)("a subscription that two mosquitto_sub share", () => {
  it.each([
    ["mqttv5", "mqttv5"],
    ["mqttv5", "mqttv311"],
    ["mqttv31", "mqttv311"],
  ] as const)("gives each message to one of them, by turns, whatever they speak: %s and %s", async (first, second) => {
    const running = await startGateway();
    const worker = (version: typeof first | typeof second) =>
      new Mosquitto(running, version).subscribed(...group, "-q", "1", "-C", `${MESSAGES / 2}`);
    const workers = [await worker(first), await worker(second)];
    const onlooker = await new Mosquitto(running).subscribed("-t", "jobs/#", "-q", "1", "-C", `${MESSAGES}`);
    const { client } = await MqttJsClient.connected(urlOf("TCP", running));
    for (const [number, payload] of payloads.entries()) {
      await client.publishAsync("jobs/1", payload, { qos: (number % 3) as 0 | 1 | 2 });
    }
    const [left, right] = (await Promise.all(workers.map(({ ended }) => ended))).map(({ lines }) => lines);
    expect(inOrder([...left!, ...right!])).toEqual(all);
    expect((await onlooker.ended).lines).toEqual(payloads);
  });

  it.each(["1", "2"])("gives what a frozen one held to the other when it is gone, at QoS %s", async (qos) => {
    const running = await startGateway();
    const mosquitto = new Mosquitto(running);
    const frozen = await mosquitto.subscribed(...group, "-i", "frozen", "-q", qos, "-c");
    frozen.freeze();
    const { client } = await MqttJsClient.connected(urlOf("TCP", running));
    const published = payloads.map((payload) => client.publishAsync("jobs/1", payload, { qos: Number(qos) as 1 | 2 }));
    await Promise.all(published);
    const other = await mosquitto.subscribed(...group, "-i", "other", "-q", qos, "-C", `${MESSAGES}`);
    const gone = once(running.gateway.broker, "clientDisconnect");
    frozen.kill();
    await gone;
    if (qos === "1") {
      expect(inOrder((await other.ended).lines)).toEqual(all);
      return;
    }
    // What was sent to it at QoS 2 is its own [MQTT-4.8.2-5]: it finds all of it when it is back.
    const back = await mosquitto.subscribe(...group, "-i", "frozen", "-q", qos, "-c", "-C", `${MESSAGES}`);
    expect(inOrder(back.lines)).toEqual(all);
    other.kill();
  });

  it.each(["stopped", "killed"] as const)(
    "keeps what came while all were away, also when the gateway was %s",
    async (how) => {
      const before = await restarts(root);
      const member = (id: string) => ["-i", id, "-c", "-x", "3600", "-q", "1", ...group];
      const mosquitto = new Mosquitto(before);
      for (const id of ["one", "two"]) await mosquitto.subscribe(...member(id), "-E");
      for (const payload of payloads) await mosquitto.publish("-t", "jobs/1", "-m", payload, "-q", "1");
      const after = new Mosquitto(await before[how]());
      expect((await after.subscribe(...member("two"), "-C", `${MESSAGES}`)).lines).toEqual(payloads);
      await after.publish("-t", "jobs/1", "-m", "last", "-q", "1");
      expect((await after.subscribe(...member("one"), "-C", "1")).lines).toEqual(["last"]);
    },
  );
});
