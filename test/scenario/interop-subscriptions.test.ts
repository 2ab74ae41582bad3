import { describe, expect, it } from "vitest";
import { restarts } from "../support/restarts.ts";
import { startGateway } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { hasMosquitto, Mosquitto } from "./mosquitto-clients.ts";
import { carriers, MqttJsClient, urlOf } from "./mqtt-js-client.ts";

const root = temporaryDirectory();
const identified = (identifier: number) => ["-D", "subscribe", "subscription-identifier", `${identifier}`];

describe.each(carriers)("the subscriptions of an MQTT.js client over %s", (carrier) => {
  it("have identifiers, and a message comes once with those of all that it matches", async () => {
    const running = await startGateway();
    const subscriber = await MqttJsClient.connected(urlOf(carrier, running));
    const filters = { "a/b": 1, "a/+": 2, "#": 268_435_455 };
    for (const [filter, subscriptionIdentifier] of Object.entries(filters)) {
      await subscriber.client.subscribeAsync(filter, { qos: 1, properties: { subscriptionIdentifier } });
    }
    await subscriber.client.publishAsync("a/b", "all", { qos: 1 });
    await subscriber.client.publishAsync("other", "one", { qos: 1 });
    const [all, one] = await subscriber.take(2);
    expect((all!.properties.subscriptionIdentifier as number[]).toSorted((a, b) => a - b)).toEqual([1, 2, 268_435_455]);
    expect(one).toMatchObject({ payload: "one", properties: { subscriptionIdentifier: 268_435_455 } });
  });

  it("spare it its own messages where they are no-local", async () => {
    const running = await startGateway();
    const { client, ...one } = await twoOf(running, carrier);
    await client.subscribeAsync("a", { qos: 1, nl: true });
    await client.publishAsync("a", "own", { qos: 1 });
    await one.other.client.publishAsync("a", "foreign", { qos: 1 });
    expect(await one.self.message()).toMatchObject({ payload: "foreign" });
  });

  it("call up retained messages as their retain handling says", async () => {
    const running = await startGateway();
    const { client, self } = await twoOf(running, carrier);
    await client.publishAsync("kept", "kept", { qos: 1, retain: true });
    await client.publishAsync("end", "end", { qos: 1, retain: true });
    const subscribe = async (rh: number) => {
      await client.subscribeAsync("kept", { qos: 1, rh });
      // What is called up after it tells that nothing came before.
      await client.subscribeAsync("end", { qos: 1, rh: 0 });
      const payloads: string[] = [];
      while (payloads.at(-1) !== "end") payloads.push((await self.message()).payload);
      return payloads;
    };
    expect(await subscribe(2)).toEqual(["end"]);
    await client.unsubscribeAsync("kept");
    expect(await subscribe(1)).toEqual(["kept", "end"]);
    expect(await subscribe(1)).toEqual(["end"]);
    expect(await subscribe(0)).toEqual(["kept", "end"]);
  });

  it("show the retain flag of the publisher where they are retain-as-published", async () => {
    const running = await startGateway();
    const { client, self, other } = await twoOf(running, carrier);
    await client.subscribeAsync("plain", { qos: 1 });
    await client.subscribeAsync("published", { qos: 1, rap: true });
    for (const topic of ["plain", "published"]) await other.client.publishAsync(topic, "x", { qos: 1, retain: true });
    expect((await self.take(2)).map(({ topic, retain }) => [topic, retain])).toEqual([
      ["plain", false],
      ["published", true],
    ]);
  });
});

async function twoOf(running: Awaited<ReturnType<typeof startGateway>>, carrier: (typeof carriers)[number]) {
  const [self, other] = [
    await MqttJsClient.connected(urlOf(carrier, running)),
    await MqttJsClient.connected(urlOf(carrier, running)),
  ];
  return { self, other, client: self.client };
}

describe.skipIf(!hasMosquitto)("the subscriptions of mosquitto_sub", () => {
  it.each(["stopped", "killed"] as const)("keep their identifier and options when the gateway was %s", async (how) => {
    const before = await restarts(root);
    const session = ["-i", "lamp", "-c", "-q", "1", "-t", "a/#", "--retain-as-published", ...identified(77)];
    await new Mosquitto(before).subscribe(...session, "-E");
    const after = await before[how]();
    const mosquitto = new Mosquitto(after);
    await mosquitto.publish("-t", "a/1", "-m", "x", "-q", "1", "-r");
    // It came for the session, whatever is subscribed again: the first is what waited.
    const { lines } = await mosquitto.subscribe(...session, "-C", "1", "-F", "%S %r %p");
    expect(lines).toEqual(["77 1 x"]);
  });

  it("get only fresh messages with -R, only retained ones with --retained-only, and can clear those", async () => {
    const running = await startGateway();
    const mosquitto = new Mosquitto(running);
    await mosquitto.publish("-t", "a/kept", "-m", "kept", "-q", "1", "-r");
    const fresh = await mosquitto.subscribed("-t", "a/#", "-R", "-C", "1");
    await mosquitto.publish("-t", "a/new", "-m", "new", "-q", "1", "-r");
    expect((await fresh.ended).lines).toEqual(["new"]);
    const retained = await mosquitto.subscribe("-t", "a/#", "--retained-only", "-C", "2");
    expect(retained.lines.sort()).toEqual(["kept", "new"]);
    const cleared = new Promise<void>((resolve) => {
      running.gateway.broker.on("publish", ({ topic, payload }) => {
        if (topic === "a/kept" && payload.length === 0) resolve();
      });
    });
    const clearing = mosquitto.start("mosquitto_sub", "-t", "a/kept", "--remove-retained");
    await cleared;
    clearing.kill();
    const left = await mosquitto.subscribe("-t", "a/#", "--retained-only", "-C", "1");
    expect(left.lines).toEqual(["new"]);
  });
});
