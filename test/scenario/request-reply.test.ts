import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { hasMosquitto, Mosquitto } from "./mosquitto-clients.ts";
import { MqttJsClient, urlOf } from "./mqtt-js-client.ts";
import type { Device5, Told } from "./mqtt5-device.ts";
import { house, houseOf, turns } from "./multicast-house.ts";

const root = temporaryDirectory();
const asking = { properties: { requestResponseInformation: true } };
const responseInformationOf = (device: Device5) =>
  (device.connack as { properties?: { responseInformation?: string } })?.properties?.responseInformation;

/** Answers one request as MQTT 5 wants it. */
async function answer5(responder: Device5, payload: string): Promise<Told> {
  const request = await responder.take();
  const { responseTopic, correlationData } = request.properties as { responseTopic: string; correlationData?: Buffer };
  await responder.publishWhole(responseTopic, payload, {
    qos: 1,
    properties: correlationData === undefined ? {} : { correlationData },
  });
  return request;
}

const idOf = ({ topic }: Told) => topic.split("/")[1] as string;

describe("response information", () => {
  it.each([
    ["caller", "$reply/caller/"],
    ["a/b", "$reply/a%2fb/"],
    ["a%2fb", "$reply/a%252fb/"],
    ["+", "$reply/%2b/"],
    ["#", "$reply/%23/"],
    ["$gateway", "$reply/%24gateway/"],
    ["%", "$reply/%25/"],
    ["ü😀", "$reply/ü😀/"],
    ["__proto__", "$reply/__proto__/"],
    [" ", "$reply/ /"],
    ["..", "$reply/../"],
    ["x".repeat(200), `$reply/${"x".repeat(200)}/`],
  ])("for %s is a prefix that only it may subscribe below, and where its answers arrive", async (id, prefix) => {
    const { device } = await house(root);
    const caller = await device(id, asking);
    expect(responseInformationOf(caller)).toBe(prefix);
    expect(await caller.subscribe({ [`${prefix}#`]: 1 })).toEqual([1]);
    const responder = await device("responder");
    await responder.subscribe({ "service/+": 1 });
    const properties = { responseTopic: `${prefix}7`, correlationData: Buffer.of(0, 255, 10) };
    expect(await caller.publishWhole("service/1", "ask", { qos: 1, properties })).toBe(0);
    expect(await answer5(responder, "reply")).toMatchObject({ payload: "ask", properties });
    const { topic, payload, properties: said } = await caller.take();
    expect({ topic, payload, said }).toEqual({
      topic: `${prefix}7`,
      payload: "reply",
      said: { correlationData: Buffer.of(0, 255, 10) },
    });
  });

  it("is for who asks for it in MQTT 5, also under an assigned client id", async () => {
    const { device } = await house(root);
    expect(responseInformationOf(await device("silent"))).toBeUndefined();
    expect(
      responseInformationOf(await device("no", { properties: { requestResponseInformation: false } })),
    ).toBeUndefined();
    const nameless = await device("", asking);
    const { assignedClientIdentifier = "?" } =
      (nameless.connack as { properties?: { assignedClientIdentifier?: string } }).properties ?? {};
    expect(responseInformationOf(nameless)).toBe(`$reply/${assignedClientIdentifier}/`);
  });
});

describe("answers to one client", () => {
  it.each([
    ["$reply/caller/1"],
    ["$reply/caller/#"],
    ["$reply/caller"],
    ["$reply/#"],
    ["$reply/+/1"],
    ["$reply/+"],
    ["$reply/calle"],
    ["$reply/$gateway/#"],
    ["$share/spies/$reply/caller/#"],
    ["$share/spies/$reply/#"],
    ["$share/spies/$reply/+/+"],
  ])("are not shown to others by a subscription to %s", async (filter) => {
    const { device } = await house(root);
    for (const version of [5, 4] as const) {
      const spy = await device(`spy${version}`, { version });
      const [code] = await spy.subscribe({ [filter]: 1 });
      expect(code).toBeGreaterThanOrEqual(0x80);
      const responder = await device("responder");
      await responder.publishWhole("$reply/caller/1", "secret", { qos: 1 });
      expect(await spy.payloads()).toEqual([]);
    }
  });

  it.each([["#"], ["+/caller/1"], ["+/+/+"], ["$share/spies/#"], ["+/#"]])(
    "are not shown to a subscriber of %s",
    async (filter) => {
      const { device } = await house(root);
      const spy = await device("spy");
      await spy.subscribe({ [filter]: 1 });
      const responder = await device("responder");
      await responder.publishWhole("$reply/caller/1", "secret", { qos: 1 });
      expect(await spy.payloads()).toEqual([]);
    },
  );

  it.each([["$answer/#"], ["$answer/+"], ["$share/spies/$answer/+"]])(
    "of responders of MQTT 3.1.1 are not shown to a subscriber of %s",
    async (filter) => {
      const { device } = await house(root);
      const caller = await device("caller", asking);
      await caller.subscribe({ "$reply/caller/#": 1 });
      const responder = await device("old", { version: 4 });
      await responder.subscribe({ "$request/+/service": 1 });
      const spy = await device("spy");
      await spy.subscribe({ [filter]: 1 });
      await caller.publishWhole("service", "ask", { qos: 1, properties: { responseTopic: "$reply/caller/1" } });
      await responder.publishWhole(`$answer/${idOf(await responder.take())}`, "secret", { qos: 1 });
      expect((await caller.take()).payload).toBe("secret");
      expect(await spy.payloads()).toEqual([]);
    },
  );
});

describe("a responder of MQTT 3.1.1", () => {
  it("gets requests below $request/ and answers to $answer/<id>, at every QoS", async () => {
    const { device } = await house(root);
    const caller = await device("caller", asking);
    await caller.subscribe({ "$reply/caller/#": 2 });
    const responder = await device("old", { version: 4 });
    expect(await responder.subscribe({ "$request/+/service/#": 2 })).toEqual([2]);
    for (const qos of [0, 1, 2] as const) {
      const correlationData = Buffer.of(qos, 0, 255);
      const properties = { responseTopic: `$reply/caller/${qos}`, correlationData, messageExpiryInterval: 30 };
      expect(await caller.publishWhole("service/light/on", `ask ${qos}`, { qos, properties })).toBe(0);
      const request = await responder.take();
      expect(request).toMatchObject({ payload: `ask ${qos}`, qos, retain: false });
      expect(request.topic).toBe(`$request/${idOf(request)}/service/light/on`);
      await responder.publishWhole(`$answer/${idOf(request)}`, `reply ${qos}`, { qos });
      const { topic, payload, qos: came, retain, properties: said } = await caller.take();
      expect({ topic, payload, came, retain, said }).toEqual({
        topic: `$reply/caller/${qos}`,
        payload: `reply ${qos}`,
        came: qos,
        retain: false,
        said: { correlationData },
      });
    }
  });

  it("answers each request once: wrong, forged, late, second and expired answers reach nobody", async () => {
    const clock = new ManualClock();
    const { device } = await house(root, {}, clock);
    const caller = await device("caller", asking);
    await caller.subscribe({ "$reply/caller/#": 1 });
    const responder = await device("old", { version: 4 });
    await responder.subscribe({ "$request/+/service": 1 });
    const properties = { responseTopic: "$reply/caller/1" };
    const ask = async (more = {}) => {
      await caller.publishWhole("service", "ask", { qos: 1, properties: { ...properties, ...more } });
      return idOf(await responder.take());
    };
    const reply = (id: string, payload: string) => responder.publishWhole(`$answer/${id}`, payload, { qos: 1 });
    const first = await ask();
    for (const forged of [
      "nobody",
      "0".repeat(24),
      "",
      `${first}0`,
      first.toUpperCase() === first ? "x" : first.toUpperCase(),
    ]) {
      await reply(forged, "forged");
    }
    await responder.publishWhole(`$answer/${first}/more`, "forged", { qos: 1 });
    await reply(first, "right");
    await reply(first, "second");
    expect((await caller.takeAll()).map(({ payload }) => payload)).toEqual(["right"]);
    const late = await ask();
    clock.advance(60_001);
    await reply(late, "late");
    const expired = await ask({ messageExpiryInterval: 2 });
    clock.advance(2001);
    await reply(expired, "expired");
    expect(await caller.payloads()).toEqual([]);
    const last = await ask();
    clock.advance(59_999);
    await reply(last, "in time");
    expect((await caller.takeAll()).map(({ payload }) => payload)).toEqual(["in time"]);
  });

  it("is told nothing of messages that ask for no answer, nor of what is published below $request/", async () => {
    const { device } = await house(root);
    const caller = await device("caller");
    await caller.subscribe({ "answers/#": 1 });
    const responder = await device("old", { version: 4 });
    await responder.subscribe({ "$request/#": 1, "$request/+/service": 1 });
    await caller.publishWhole("service", "no question", { qos: 1 });
    expect(await responder.payloads()).toEqual([]);
    const properties = { responseTopic: "answers/1" };
    await caller.publishWhole("$request/x/service", "direct", { qos: 1, properties });
    const [direct, ...more] = await responder.takeAll();
    expect(direct).toMatchObject({ topic: "$request/x/service", payload: "direct" });
    expect(more).toEqual([]);
    await responder.publishWhole("$answer/x", "forged", { qos: 1 });
    expect(await caller.payloads()).toEqual([]);
  });

  it("alone counts as a subscriber of the request, and without one the caller is told that there is none", async () => {
    const { device } = await house(root);
    const caller = await device("caller");
    const properties = { responseTopic: "answers/1" };
    expect(await caller.publishWhole("service", "ask", { qos: 1, properties })).toBe(0x10);
    expect(await caller.publishWhole("service", "ask", { qos: 2, properties })).toBe(0x10);
    const responder = await device("old", { version: 4 });
    await responder.subscribe({ "$request/+/other": 1 });
    expect(await caller.publishWhole("service", "ask", { qos: 1, properties })).toBe(0x10);
    await responder.subscribe({ "$request/+/service": 1 });
    expect(await caller.publishWhole("service", "ask", { qos: 1, properties })).toBe(0);
    expect(await caller.publishWhole("service", "ask", { qos: 2, properties })).toBe(0);
    expect(await responder.takeAll()).toHaveLength(2);
  });

  it("that is away gets the request when it is back, and its answer is waited for that long", async () => {
    const { device } = await house(root);
    const caller = await device("caller", asking);
    await caller.subscribe({ "$reply/caller/#": 1 });
    const old = await device("old", { version: 4, clean: false });
    await old.subscribe({ "$request/+/service": 1 });
    await old.disconnect();
    await caller.publishWhole("service", "ask", { qos: 1, properties: { responseTopic: "$reply/caller/1" } });
    const back = await device("old", { version: 4, clean: false });
    await back.publishWhole(`$answer/${idOf(await back.take())}`, "reply", { qos: 1 });
    expect((await caller.take()).payload).toBe("reply");
  });

  it("may be shared by $share, which gives each request to one", async () => {
    const { device } = await house(root);
    const caller = await device("caller", asking);
    await caller.subscribe({ "$reply/caller/#": 1 });
    const responders = [await device("one", { version: 4 }), await device("two", { version: 4 })];
    for (const each of responders) await each.subscribe({ "$share/g/$request/+/service": 1 });
    for (let n = 0; n < 10; n++) {
      await caller.publishWhole("service", `${n}`, { qos: 1, properties: { responseTopic: `$reply/caller/${n}` } });
    }
    for (const each of responders) {
      const requests = await each.takeAll();
      expect(requests.length).toBeGreaterThan(0);
      for (const request of requests)
        await each.publishWhole(`$answer/${idOf(request)}`, `re ${request.payload}`, { qos: 1 });
    }
    const answers = (await caller.takeAll()).map(({ topic, payload }) => `${topic} ${payload}`).sort();
    expect(answers).toEqual(Array.from({ length: 10 }, (_, n) => `$reply/caller/${n} re ${n}`));
  });

  it("may answer with as much as fits into a packet, and get as much", async () => {
    const { device } = await house(root);
    const caller = await device("caller", asking);
    await caller.subscribe({ "$reply/caller/#": 1 });
    const responder = await device("old", { version: 4 });
    await responder.subscribe({ "$request/+/service": 1 });
    const large = "x".repeat(4_000_000);
    await caller.publishWhole("service", large, { qos: 1, properties: { responseTopic: "$reply/caller/1" } });
    const request = await responder.take();
    expect(request.payload === large).toBe(true);
    await responder.publishWhole(`$answer/${idOf(request)}`, large, { qos: 1 });
    expect((await caller.take()).payload === large).toBe(true);
  });

  it.each([
    ["of 100 levels", Array.from({ length: 100 }, () => "l").join("/"), {}],
    ["of 65,535 bytes", "t".repeat(65_535), { limits: { topicBytesMax: 65_535 } }],
    ["of 65,510 bytes", "t".repeat(65_510), { limits: { topicBytesMax: 65_535 } }],
  ])("costs nobody anything where the request has a topic %s", async (_, topic, changes) => {
    const { device, log } = await house(root, changes);
    const caller = await device("caller");
    const modern = await device("modern");
    await modern.subscribe({ "#": 1 });
    const responder = await device("old", { version: 4 });
    await responder.subscribe({ "$request/#": 1 });
    await caller.publishWhole(topic, "ask", { qos: 1, properties: { responseTopic: "answers/1" } });
    expect((await modern.take()).payload).toBe("ask");
    const shown = await responder.takeAll();
    for (const each of shown) expect(each.topic.endsWith(`/${topic}`)).toBe(true);
    expect(responder.isClosed).toBe(false);
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("has its answer stored for a caller that is away when it is acknowledged", async () => {
    const first = await house(root);
    const caller = await first.device("caller", { livesSeconds: 3600, ...asking });
    await caller.subscribe({ "$reply/caller/#": 1 });
    const responder = await first.device("old", { version: 4 });
    await responder.subscribe({ "$request/+/service": 1 });
    await caller.publishWhole("service", "ask", { qos: 1, properties: { responseTopic: "$reply/caller/1" } });
    await caller.disconnect();
    await responder.publishWhole(`$answer/${idOf(await responder.take())}`, "reply", { qos: 1 });
    const second = houseOf(await first.killed());
    const back = await second.device("caller", { livesSeconds: 3600 });
    expect((await back.takeAll()).map(({ payload }) => payload)).toEqual(["reply"]);
  });
});

describe("a response topic that nobody could publish to", () => {
  it.each(["answers/#", "+/x", "$SYS/broker/uptime", ""])("%j leads no answer anywhere", async (responseTopic) => {
    const { device, log } = await house(root);
    const watcher = await device("watcher");
    await watcher.subscribe({ "#": 1, "$SYS/broker/uptime": 1 });
    await watcher.messages();
    const responder = await device("old", { version: 4 });
    await responder.subscribe({ "$request/+/service": 1 });
    const caller = await device("caller");
    caller.publish("service", "ask", { qos: 1, properties: { responseTopic } });
    await caller.next();
    for (const request of await responder.takeAll()) {
      await responder.publishWhole(`$answer/${idOf(request)}`, "forged", { qos: 1 });
    }
    expect((await watcher.payloads()).filter((payload) => payload === "forged")).toEqual([]);
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("requests and answers between programs", () => {
  it.skipIf(!hasMosquitto)("of mosquitto_rr reach a responder of MQTT 3.1.1, and it gets its answer", async () => {
    const running = await house(root);
    const responder = await running.device("old", { version: 4 });
    await responder.subscribe({ "$request/+/service/1": 1 });
    const rr = new Mosquitto(running).start(
      "mosquitto_rr",
      "-i",
      "rr",
      "-t",
      "service/1",
      "-e",
      "$reply/rr/1",
      "-m",
      "hello",
      "-q",
      "1",
      "-F",
      "%t %p %D",
      "-D",
      "publish",
      "correlation-data",
      "question 7",
    );
    const request = await responder.take();
    await responder.publishWhole(`$answer/${idOf(request)}`, "HELLO", { qos: 1 });
    const { code, lines } = await rr.ended;
    expect({ code, lines }).toEqual({ code: 0, lines: ["$reply/rr/1 HELLO question 7"] });
  });

  it("of MQTT.js are answered by an MQTT.js responder of 3.1.1", async () => {
    const running = await house(root);
    const old = await MqttJsClient.connected(urlOf("TCP", running), { protocolVersion: 4 });
    old.client.on("message", (topic, payload) => {
      old.client.publish(`$answer/${topic.split("/")[1]}`, `${payload} it is`, { qos: 1 });
    });
    await old.client.subscribeAsync("$request/+/service/#", { qos: 1 });
    const caller = await MqttJsClient.connected(urlOf("WebSocket", running), {
      clientId: "caller/1",
      properties: { requestResponseInformation: true },
    });
    const prefix = caller.connack.properties?.responseInformation;
    expect(prefix).toBe("$reply/caller%2f1/");
    await caller.client.subscribeAsync(`${prefix}#`, { qos: 1 });
    for (let n = 0; n < 50; n++) {
      const properties = { responseTopic: `${prefix}${n}`, correlationData: Buffer.from(`c${n}`) };
      await caller.client.publishAsync(`service/${n}`, `${n}`, { qos: 1, properties });
    }
    const answers = await caller.take(50);
    for (const { topic, payload, properties } of answers) {
      const n = topic.slice(`${prefix}`.length);
      expect({ payload, id: properties.correlationData?.toString() }).toEqual({ payload: `${n} it is`, id: `c${n}` });
    }
    expect(new Set(answers.map(({ topic }) => topic)).size).toBe(50);
  });
});

describe("a flood of requests that nobody answers", () => {
  it("leaves the latest 10,000 to be answered, and no more in memory", async () => {
    const { device } = await house(root, { mailboxes: { messagesMax: 100_000 } });
    const caller = await device("caller", asking);
    await caller.subscribe({ "$reply/caller/#": 0 });
    const responder = await device("old", { version: 4 });
    await responder.subscribe({ "$request/+/s": 0 });
    for (let n = 0; n < 10_500; n++)
      caller.publish("s", `${n}`, { properties: { responseTopic: `$reply/caller/${n}` } });
    await caller.ping();
    await turns();
    const requests = await responder.messages();
    expect(requests).toHaveLength(10_500);
    for (const request of requests) responder.publish(`$answer/${idOf(request)}`, request.payload);
    await responder.ping();
    const answers = await caller.payloads();
    expect(answers).toHaveLength(10_000);
    expect(answers[0]).toBe("500");
  });
});
