import { describe, expect, it } from "vitest";
import { queueHouse, texts } from "../support/queue-house.ts";
import { hasMosquitto, Mosquitto, properties } from "./mosquitto-clients.ts";
import { carriers, MqttJsClient, urlOf } from "./mqtt-js-client.ts";

describe.runIf(hasMosquitto)("a queue, with Mosquitto's clients", () => {
  it.each(["mqttv31", "mqttv311", "mqttv5"] as const)("keeps jobs until they are fetched, in %s", async (version) => {
    const house = await queueHouse();
    const mosquitto = new Mosquitto(house, version);
    for (const payload of texts(3)) {
      expect((await mosquitto.publish("-t", "jobs/a", "-m", payload, "-q", "1", "-i", `p${payload}`)).code).toBe(0);
    }
    const { code, lines } = await mosquitto.subscribe("-t", "$queue/jobs", "-q", "1", "-C", "3", "-v", "-i", "worker");
    expect(code).toBe(0);
    expect(lines).toEqual(texts(3).map((payload) => `jobs/a ${payload}`));
    expect(house.report()).toMatchObject({ messages: 0, inDelivery: 0 });
  });

  it("divides jobs among two of them, and none gets what the other has", async () => {
    const house = await queueHouse();
    const mosquitto = new Mosquitto(house);
    const one = await mosquitto.subscribed("-t", "$queue/jobs", "-q", "2", "-i", "one", "-C", "5");
    const two = await mosquitto.subscribed("-t", "$queue/jobs", "-q", "1", "-i", "two", "-C", "5");
    for (const payload of texts(10)) house.publisher.publish("jobs/a", payload, { qos: 1 });
    const lines = [...(await one.ended).lines, ...(await two.ended).lines];
    expect(lines.map(Number).sort((first, second) => first - second)).toEqual(texts(10).map(Number));
  });

  it("gives what a killed one had to another one, which is told how often it was delivered", async () => {
    const house = await queueHouse();
    const mosquitto = new Mosquitto(house);
    const dying = await mosquitto.subscribed("-t", "$queue/jobs", "-q", "1", "-i", "dying");
    dying.freeze();
    for (const payload of texts(3)) await house.publisher.publishWhole("jobs/a", payload);
    dying.kill();
    const { lines } = await mosquitto.subscribe("-t", "$queue/jobs", "-q", "1", "-C", "3", "-i", "next", "-F", "%p %P");
    expect(lines).toEqual(texts(3).map((payload) => `${payload} delivery-count:2`));
  });

  it("is addressed by its name, with a priority", async () => {
    const house = await queueHouse();
    const mosquitto = new Mosquitto(house);
    const low = properties("publish", ["user-property", "priority", "1"]);
    const high = properties("publish", ["user-property", "priority", "9"]);
    await mosquitto.publish("-t", "$queue/jobs/x", "-m", "low", "-q", "2", "-i", "one", ...low);
    await mosquitto.publish("-t", "$queue/jobs/x", "-m", "high", "-q", "0", "-i", "two", ...high);
    const { lines } = await mosquitto.subscribe("-t", "$queue/jobs", "-q", "2", "-C", "2", "-v", "-i", "worker");
    expect(lines).toEqual(["x high", "x low"]);
  });

  it("refuses a queue that does not exist, and says so", async () => {
    const house = await queueHouse();
    for (const version of ["mqttv311", "mqttv5"] as const) {
      const { stderr } = await new Mosquitto(house, version).subscribe("-t", "$queue/none", "-i", "worker");
      expect(stderr).toMatch(/denied|rejected/i);
    }
  });
});

describe("a queue, with MQTT.js", () => {
  for (const carrier of carriers) {
    it.each([4, 5] as const)(
      `brings each job to one worker over ${carrier}, in version %s`,
      async (protocolVersion) => {
        const house = await queueHouse();
        const url = urlOf(carrier, house);
        const workers: MqttJsClient[] = [];
        for (const [i, qos] of ([0, 1, 2] as const).entries()) {
          const worker = await MqttJsClient.connected(url, { protocolVersion, clientId: `worker ${i}` });
          await worker.client.subscribeAsync("$queue/jobs", { qos });
          workers.push(worker);
        }
        const producer = await MqttJsClient.connected(url, { protocolVersion });
        for (const [i, payload] of texts(60).entries()) {
          await producer.client.publishAsync("jobs/a", payload, { qos: (i % 3) as 0 | 1 | 2 });
        }
        const taken = () => workers.flatMap(({ messages }) => messages.map(({ payload }) => Number(payload)));
        while (taken().length < 60) await house.publisher.ping();
        expect(taken().sort((one, other) => one - other)).toEqual(texts(60).map(Number));
        while (house.report().inDelivery > 0) await house.publisher.ping();
        expect(house.report()).toMatchObject({ messages: 0, totals: { settled: 60, redelivered: 0 } });
      },
    );
  }

  it("lets a worker reject a job with a reason code, and another one takes it", async () => {
    const house = await queueHouse();
    const url = urlOf("TCP", house);
    const picky = await MqttJsClient.connected(url, {
      clientId: "picky",
      customHandleAcks: (_topic, _message, _packet, done) => (done as (code: number) => void)(0x83),
    });
    await picky.client.subscribeAsync("$queue/jobs", { qos: 1 });
    await house.publisher.publishWhole("jobs/a", "1");
    const willing = await MqttJsClient.connected(url, { clientId: "willing" });
    await willing.client.subscribeAsync("$queue/jobs", { qos: 1 });
    await house.publisher.publishWhole("jobs/a", "2");
    const taken = new Set<string>();
    while (!taken.has("2")) taken.add((await willing.message()).payload);
    while (house.report().inDelivery + house.report().messages > 0) await house.publisher.ping();
    const { totals } = house.report();
    expect(totals.settled + totals.deadLetters).toBe(2);
    expect(taken.has("2")).toBe(true);
  });
});
