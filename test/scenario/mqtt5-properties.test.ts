import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { field, frame } from "../support/frame.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { restarts } from "../support/restarts.ts";
import { startGateway } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { type WireProperty, wireProperties } from "../support/wire-properties.ts";
import { Device5 } from "./mqtt5-device.ts";

const root = temporaryDirectory();

/** What a publisher says of its message, in an order of its own; names come again, and one looks like a number. */
const said: WireProperty[] = [
  { name: "userProperty", value: ["z", "1"] },
  { name: "correlationData", value: Buffer.from([0, 255, 10, 0]) },
  { name: "userProperty", value: ["a", "2"] },
  { name: "contentType", value: "text/plain; charset=utf-8" },
  { name: "userProperty", value: ["z", "3"] },
  { name: "userProperty", value: ["7", ""] },
  { name: "responseTopic", value: "answers/über" },
  { name: "userProperty", value: ["", "é"] },
  { name: "payloadFormatIndicator", value: 1 },
  { name: "userProperty", value: ["__proto__", "constructor"] },
];
const asObject = {
  payloadFormatIndicator: true,
  contentType: "text/plain; charset=utf-8",
  responseTopic: "answers/über",
  correlationData: Buffer.from([0, 255, 10, 0]),
};

function publishFrame(qos: 0 | 1 | 2, list: readonly WireProperty[], retain = false): Buffer {
  const id = qos > 0 ? [0, 9] : [];
  return frame(0x30 | (qos << 1) | (retain ? 1 : 0), field("t/a"), id, wireProperties(list), Buffer.from("payload"));
}

async function publish(port: number, qos: 0 | 1 | 2, list: readonly WireProperty[], retain = false): Promise<void> {
  const publisher = await Device5.connect(port, "publisher");
  publisher.write(publishFrame(qos, list, retain));
  if (qos > 0) await publisher.next(qos === 1 ? "puback" : "pubrec");
  if (qos === 2) publisher.send({ cmd: "pubrel", messageId: 9 });
  if (qos === 2) await publisher.next("pubcomp");
  await publisher.ping();
  await publisher.disconnect();
}

/** Takes one message and says whether what is said of it came in the very bytes in which it was sent. */
async function takesUnaltered(device: Device5): Promise<void> {
  const message = await device.take();
  expect(message).toMatchObject({ payload: "payload", topic: "t/a" });
  expect(device.bytes.includes(wireProperties(said))).toBe(true);
}

const unaltered = "[MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20]";
const levels = [0, 1, 2].flatMap((from) => [0, 1, 2].map((to) => [from, to] as [0 | 1 | 2, 0 | 1 | 2]));

describe(`what a message says of itself is forwarded unaltered and in its order ${unaltered}`, () => {
  it.each(levels)("published at QoS %s, to sessions clean and persistent that asked for QoS %s", async (from, to) => {
    const { port } = await startGateway();
    const clean = await Device5.connect(port, "clean");
    const persistent = await Device5.connect(port, "persistent", { livesSeconds: 60 });
    for (const each of [clean, persistent]) await each.subscribe({ "t/#": to });
    const publishing = publish(port, from, said);
    await Promise.all([takesUnaltered(clean), takesUnaltered(persistent), publishing]);
    expect((await clean.messages()).length).toBe(0);
  });

  it.each([1, 2] as const)("through a mailbox, at QoS %s", async (qos) => {
    const { port } = await startGateway();
    const away = await Device5.connect(port, "away", { livesSeconds: 60 });
    await away.subscribe({ "t/#": qos });
    await away.disconnect();
    await publish(port, qos, said);
    await takesUnaltered(await Device5.connect(port, "away", { livesSeconds: 60 }));
  });

  it.each([0, 1, 2] as const)("as a retained message, published at QoS %s", async (qos) => {
    const { port } = await startGateway();
    await publish(port, qos, said, true);
    const late = await Device5.connect(port, "late");
    await late.subscribe({ "t/#": qos });
    await takesUnaltered(late);
  });

  it("again, when it is sent a second time [MQTT-4.4.0-1]", async () => {
    const { port } = await startGateway();
    for (const qos of [1, 2] as const) {
      const device = await Device5.connect(port, "device", { livesSeconds: 60 });
      await device.subscribe({ "t/#": qos });
      const publishing = publish(port, qos, said);
      await device.message();
      await publishing;
      await device.cut();
      const back = await Device5.connect(port, "device", { livesSeconds: 60 });
      await takesUnaltered(back);
      await back.disconnect({ sessionExpiryInterval: 0 });
    }
  });

  it.each([
    ["stopped", 1],
    ["stopped", 2],
    ["killed", 1],
    ["killed", 2],
  ] as const)("waiting and retained in a gateway that is %s, at QoS %s", async (how, qos) => {
    const first = await restarts(root, {}, new ManualClock());
    const away = await Device5.connect(first.port, "away", { livesSeconds: 3600 });
    await away.subscribe({ "t/#": qos });
    await away.disconnect();
    await publish(first.port, qos, said, true);
    const { port } = await first[how]();
    await takesUnaltered(await Device5.connect(port, "away", { livesSeconds: 3600 }));
    const late = await Device5.connect(port, "late");
    await late.subscribe({ "t/#": qos });
    await takesUnaltered(late);
  });

  it("in flight to a device when the gateway is killed", async () => {
    const first = await restarts(root);
    const device = await Device5.connect(first.port, "device", { livesSeconds: 3600 });
    await device.subscribe({ "t/#": 2 });
    await publish(first.port, 2, said);
    await device.message();
    const { port } = await first.killed();
    const back = await Device5.connect(port, "device", { livesSeconds: 3600 });
    await takesUnaltered(back);
  });

  it("whatever it is", async () => {
    const { port } = await startGateway();
    const [publisher, subscriber] = [await Device5.connect(port, "publisher"), await Device5.connect(port, "device")];
    await subscriber.subscribe({ "t/#": 1 });
    const text = fc.string({ unit: "grapheme", maxLength: 20 }).filter((each) => !each.includes("\0"));
    const pair = fc.tuple(text, text).map((value): WireProperty => ({ name: "userProperty", value }));
    const topic = text.filter((each) => each !== "" && !/[+#]/.test(each));
    const single = fc.record(
      {
        payloadFormatIndicator: fc.constantFrom(0, 1),
        contentType: text,
        responseTopic: topic,
        correlationData: fc.uint8Array({ maxLength: 40 }).map((each) => Buffer.from(each)),
      },
      { requiredKeys: [] },
    );
    const any = fc.tuple(fc.array(pair, { maxLength: 6 }), single).chain(([pairs, singles]) => {
      const others = Object.entries(singles).map(([name, value]) => ({ name, value }) as WireProperty);
      const all = [...pairs, ...others];
      return fc.shuffledSubarray(all, { minLength: all.length });
    });
    await fc.assert(
      fc.asyncProperty(any, fc.constantFrom(0 as const, 1 as const), async (list, qos) => {
        publisher.write(publishFrame(qos, list));
        const before = subscriber.bytes.length;
        await subscriber.take();
        expect(subscriber.bytes.subarray(before).includes(wireProperties(list))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe("what a will says of itself", () => {
  const will = {
    topic: "t/a",
    payload: Buffer.from("payload"),
    properties: { ...asObject, userProperties: { b: ["1", "2"], a: "3" } },
  };

  it.each([
    [0, false],
    [1, false],
    [2, true],
  ] as const)(`goes to subscribers, at QoS %s, retained: %s ${unaltered}`, async (qos, retain) => {
    const { port } = await startGateway();
    const device = await Device5.connect(port, "device");
    await device.subscribe({ "t/#": qos });
    const dying = await Device5.connect(port, "dying", { will: { ...will, qos, retain } });
    await dying.cut();
    expect((await device.take()).properties).toEqual(will.properties);
    if (!retain) return;
    const late = await Device5.connect(port, "late");
    await late.subscribe({ "t/#": 2 });
    expect((await late.take()).properties).toEqual(will.properties);
  });

  it("survives the end of the gateway that it was given to", async () => {
    const first = await restarts(root);
    const away = await Device5.connect(first.port, "away", { livesSeconds: 3600 });
    await away.subscribe({ "t/#": 1 });
    await away.disconnect();
    await Device5.connect(first.port, "dying", { will: { ...will, qos: 1 } });
    const { port } = await first.killed();
    const back = await Device5.connect(port, "away", { livesSeconds: 3600 });
    expect((await back.take()).properties).toEqual(will.properties);
  });
});

describe("between MQTT 5 and 3.1.1", () => {
  it.each([0, 1, 2] as const)("what a message says of itself stays behind, at QoS %s", async (qos) => {
    const { port } = await startGateway();
    const old = await Device5.connect(port, "old", { version: 4 });
    await old.subscribe({ "t/#": qos });
    const publishing = publish(port, qos, said);
    expect(await old.take()).toMatchObject({ topic: "t/a", payload: "payload", qos, properties: {} });
    await publishing;
  });

  it.each([0, 1, 2] as const)("what 3.1.1 publishes says nothing of itself in 5, at QoS %s", async (qos) => {
    const { port } = await startGateway();
    const device = await Device5.connect(port, "device");
    await device.subscribe({ "t/#": qos });
    const old = await Device5.connect(port, "old", { version: 4 });
    const publishing = old.publishWhole("t/a", "payload", { qos });
    expect(await device.take()).toMatchObject({ topic: "t/a", payload: "payload", qos, properties: {} });
    await publishing;
  });

  it("a device that changes its version gets what waits for it in the form of the version that it has", async () => {
    const { port } = await startGateway();
    const first = await Device5.connect(port, "device", { version: 4, clean: false });
    await first.subscribe({ "t/#": 1 });
    await first.disconnect();
    await publish(port, 1, said);
    await takesUnaltered(await Device5.connect(port, "device", { livesSeconds: 60 }));
    await publish(port, 1, said);
    const back = await Device5.connect(port, "device", { version: 4, clean: false });
    expect(await back.messages()).toMatchObject([{ payload: "payload" }]);
  });
});

describe("the payload format indicator, where it is checked", () => {
  const text = (payload: Buffer, qos: 0 | 1 | 2) => ({
    payload,
    choices: { qos, properties: { payloadFormatIndicator: true } },
  });
  const notText = Buffer.from([0xc3, 0x28]);

  it.each([0, 1, 2] as const)("refuses what is no UTF-8 with 0x99, at QoS %s", async (qos) => {
    const { port } = await startGateway({ protocol: { payloadFormatChecked: true } });
    const device = await Device5.connect(port, "device");
    await device.subscribe({ "t/#": 2 });
    const { payload, choices } = text(notText, qos);
    expect(await device.publishWhole("t/a", payload, choices)).toBe(qos === 0 ? 0 : 0x99);
    expect(await device.messages()).toEqual([]);
    const sound = device.publishWhole("t/a", "ü", choices);
    expect((await device.take()).payload).toBe("ü");
    expect(await sound).toBe(0);
  });

  it("lets bytes pass that nobody called text, and everything where it is not checked", async () => {
    const checking = await startGateway({ protocol: { payloadFormatChecked: true } });
    const trusting = await startGateway();
    for (const [port, isText] of [
      [checking.port, false],
      [trusting.port, true],
    ] as const) {
      const device = await Device5.connect(port, "device");
      await device.subscribe({ "t/#": 0 });
      expect(await device.publishWhole("t/a", notText, { properties: { payloadFormatIndicator: isText } })).toBe(0);
      expect(await device.messages()).toHaveLength(1);
    }
  });
});
