import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { testConfig } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { Device5 } from "./mqtt5-device.ts";
import { house, houseOf, killedNow, turns } from "./multicast-house.ts";

const root = temporaryDirectory();
const groups = { floor: { members: ["sensor-*", "hvac-?"] } };
const back = { livesSeconds: 3600 };

describe("a message to a group", () => {
  it("reaches each member once, whether it is connected or away, whatever it subscribes to, and nobody else", async () => {
    const { device, away } = await house(root, { groups });
    const here = await device("sensor-1");
    const eager = await device("hvac-2", back);
    await eager.subscribe({ "alarm/fire": 2, "alarm/#": 1, "#": 0, "$share/x/alarm/fire": 1 });
    const strangers = [await device("hvac-22"), await device("xsensor-1"), await device("Sensor-1")];
    for (const each of strangers) {
      expect(await each.subscribe({ "#": 2, "alarm/fire": 2, "+/floor/alarm/fire": 2 })).toEqual([2, 2, 2]);
    }
    await away("sensor-away", { "alarm/fire": 1 });
    await away("sensor-silent");
    const publisher = await device("publisher");
    expect(await publisher.publishWhole("$group/floor/alarm/fire", "run", { qos: 1 })).toBe(0);
    const told = { topic: "alarm/fire", payload: "run", qos: 1, retain: false, dup: false, properties: {} };
    for (const each of [here, eager]) expect(await each.takeAll()).toMatchObject([told]);
    for (const id of ["sensor-away", "sensor-silent"]) {
      expect(await (await device(id, back)).takeAll()).toMatchObject([told]);
    }
    for (const each of strangers) expect(await each.payloads()).toEqual([]);
  });

  it.each([
    [0, 2, 0],
    [1, 2, 1],
    [2, 2, 2],
    [2, 1, 1],
    [2, 0, 0],
    [1, 0, 0],
  ] as const)("of QoS %i to a group of QoS %i comes at QoS %i", async (qos, most, expected) => {
    const { device, away, letters } = await house(root, { groups: { floor: { members: ["m*"], qos: most } } });
    const here = await device("m1");
    await away("m2", { "#": 2 });
    const publisher = await device("publisher");
    expect(await publisher.publishWhole("$group/floor/t", "x", { qos })).toBe(0);
    expect((await here.takeAll()).map((each) => each.qos)).toEqual([expected]);
    const later = (await (await device("m2", back)).takeAll()).map((each) => each.qos);
    expect(later).toEqual(expected === 0 ? [] : [expected]);
    expect(letters()).toEqual([]);
  });

  it("carries what it says of itself, without identifiers of subscriptions, not retained", async () => {
    const { device } = await house(root, { groups });
    const member = await device("sensor-1");
    await member.subscribe({ "t/#": { qos: 2, rap: true } }, { subscriptionIdentifier: 7 });
    const publisher = await device("publisher");
    const properties = {
      contentType: "text/plain",
      responseTopic: "answers/1",
      correlationData: Buffer.from("id"),
      userProperties: { a: ["1", "2"], b: "3" },
      payloadFormatIndicator: true,
      messageExpiryInterval: 60,
    };
    await publisher.publishWhole("$group/floor/t/1", "x", { qos: 1, retain: true, properties });
    const message = await member.take();
    expect(message).toMatchObject({ topic: "t/1", retain: false, properties });
    expect(message.properties.subscriptionIdentifier).toBeUndefined();
  });

  it("reaches its own publisher where that is a member, also one that wants nothing of its own", async () => {
    const { device } = await house(root, { groups });
    const member = await device("sensor-1");
    await member.subscribe({ t: { qos: 1, nl: true } });
    await member.publishWhole("$group/floor/t", "x", { qos: 1 });
    expect(await member.payloads()).toEqual(["x"]);
  });

  it("that is retained is not kept as such: nobody could ever ask for it", async () => {
    const { device, gateway } = await house(root, { groups });
    const member = await device("sensor-1");
    const publisher = await device("publisher");
    await publisher.publishWhole("$group/floor/t", "x", { qos: 1, retain: true });
    expect((await member.takeAll()).map(({ retain }) => retain)).toEqual([false]);
    const late = await device("sensor-2");
    await late.subscribe({ "#": 1, t: 1 });
    expect(await late.payloads()).toEqual([]);
    expect(await gateway.broker.store.retainedMatching(["$group/#"])).toEqual([]);
  });

  it("keeps the whole topic where nothing stands behind the name, or what nobody may be told by an address", async () => {
    const { device } = await house(root, { groups });
    const member = await device("sensor-1");
    const publisher = await device("publisher");
    for (const topic of ["$group/floor", "$group/floor/", "$group/floor//", "$group/floor/$group/floor/x"]) {
      await publisher.publishWhole(topic, topic, { qos: 1 });
    }
    expect((await member.takeAll()).map(({ topic, payload }) => [payload, topic])).toEqual([
      ["$group/floor", "$group/floor"],
      ["$group/floor/", "$group/floor/"],
      ["$group/floor//", "/"],
      ["$group/floor/$group/floor/x", "$group/floor/$group/floor/x"],
    ]);
  });

  it("can be a will, also of a member that is away then", async () => {
    const { device } = await house(root, { groups });
    const will = { topic: "$group/floor/gone", payload: Buffer.from("hvac-1"), qos: 1, retain: false };
    const watcher = await device("sensor-1");
    const dying = await device("hvac-1", { ...back, will });
    await dying.cut();
    expect(await watcher.take()).toMatchObject({ topic: "gone", payload: "hvac-1", qos: 1 });
    const again = await device("hvac-1", back);
    expect(await again.payloads()).toEqual(["hvac-1"]);
  });

  it("keeps its place among other messages to the same member, at QoS 1 and 2", async () => {
    const { device, away } = await house(root, { groups });
    const here = await device("sensor-1");
    await here.subscribe({ t: 2 });
    await away("sensor-2", { t: 2 });
    const publisher = await device("publisher");
    const numbers = Array.from({ length: 200 }, (_, number) => `${number}`);
    for (const number of numbers) {
      const topic = Number(number) % 3 === 0 ? "t" : "$group/floor/t";
      await publisher.publishWhole(topic, number, { qos: Number(number) % 2 === 0 ? 1 : 2 });
    }
    const readOf = async (each: Device5) => (await each.takeAll()).map(({ payload }) => payload);
    expect(await readOf(here)).toEqual(numbers);
    expect(await readOf(await device("sensor-2", back))).toEqual(numbers);
  });

  it("of QoS 2 that its publisher sends again is delivered once [MQTT-4.3.3-2]", async () => {
    const { device } = await house(root, { groups });
    const member = await device("sensor-1");
    const publisher = await device("publisher", { version: 4 });
    for (const dup of [false, true, true]) {
      publisher.publish("$group/floor/t", "x", { qos: 2, packetId: 9, dup });
      expect(await publisher.answer("pubrec", 9)).toBe(0);
    }
    publisher.send({ cmd: "pubrel", messageId: 9 });
    await publisher.answer("pubcomp", 9);
    expect((await member.takeAll()).map(({ payload }) => payload)).toEqual(["x"]);
  });

  it("survives a stop and a kill, with its properties, for members that are away", async () => {
    const first = await house(root, { groups });
    await first.away("sensor-1");
    await first.away("hvac-1", { t: 1 });
    const publisher = await first.device("publisher");
    await publisher.publishWhole("$group/floor/t", "one", { qos: 2, properties: { userProperties: { a: "1" } } });
    await publisher.publishWhole("$group/floor/t", "two", { qos: 1 });
    const last = houseOf(await houseOf(await first.stopped()).killed());
    for (const id of ["sensor-1", "hvac-1"]) {
      const messages = await (await last.device(id, back)).takeAll();
      expect(messages.map(({ topic, payload, qos }) => ({ topic, payload, qos }))).toEqual([
        { topic: "t", payload: "one", qos: 2 },
        { topic: "t", payload: "two", qos: 1 },
      ]);
      expect(messages[0]?.properties).toMatchObject({ userProperties: { a: "1" } });
    }
  });

  it("comes after a restart, too, without identifiers and flags of subscriptions that match it", async () => {
    const first = await house(root, { groups });
    const member = await first.device("sensor-1", back);
    await member.subscribe({ "t/#": { qos: 2, rap: true } }, { subscriptionIdentifier: 7 });
    await member.disconnect();
    const publisher = await first.device("publisher");
    await publisher.publishWhole("$group/floor/t/1", "waits", { qos: 1, retain: true });
    const second = houseOf(await first.stopped());
    const again = await second.device("sensor-1", back);
    const message = await again.take();
    expect(message).toMatchObject({ payload: "waits", retain: false });
    expect(message.properties.subscriptionIdentifier).toBeUndefined();
  });

  it("is on the disk when it is acknowledged, for every member that is away", async () => {
    const changes = { groups };
    const running = await house(root, changes);
    await running.away("sensor-1");
    await running.away("sensor-2", { t: 1 });
    const publisher = await running.device("publisher");
    const numbers = Array.from({ length: 20 }, (_, number) => `${number}`);
    for (const number of numbers) {
      await publisher.publishWhole("$group/floor/t", number, { qos: 1 });
      if (Number(number) % 5 !== 4) continue;
      const { port } = await killedNow(root, running, changes);
      for (const id of ["sensor-1", "sensor-2"]) {
        const read = await (await Device5.connect(port, id, back)).takeAll();
        expect(read.map(({ payload }) => payload)).toEqual(numbers.slice(0, Number(number) + 1));
      }
    }
  });

  it("is kept for a member that has crashed, until it is built anew, and expires there as for others", async () => {
    const clock = new ManualClock();
    const { device, gateway, letters } = await house(root, { groups, mailboxes: { timeToLiveSeconds: 60 } }, clock);
    let broken = false;
    gateway.broker.authorizeForward = (client, packet) => {
      if (broken && client.id === "sensor-frail") throw new TypeError("the hook is broken");
      return packet;
    };
    const frail = await device("sensor-frail", back);
    const publisher = await device("publisher");
    broken = true;
    await publisher.publishWhole("$group/floor/t", "crashing", { qos: 1 });
    await frail.closed;
    broken = false;
    for (const payload of ["while", "it is", "away"])
      await publisher.publishWhole("$group/floor/t", payload, { qos: 1 });
    clock.advance(5000);
    await turns();
    const again = await device("sensor-frail", back);
    expect((await again.takeAll()).map(({ payload }) => payload)).toEqual(["crashing", "while", "it is", "away"]);
    broken = true;
    await publisher.publishWhole("$group/floor/t", "crashing", { qos: 1 });
    await again.closed;
    broken = false;
    await publisher.publishWhole("$group/floor/t", "while", { qos: 1 });
    clock.advance(5000);
    await turns();
    clock.advance(120_000);
    expect(letters().map(({ reason }) => reason)).toEqual(["expired", "expired"]);
  });
});

describe("a group without devices", () => {
  it.each([
    ["$group/nobody/t", "empty-group", "nobody"],
    ["$group/unknown/t", "no-such-group", "unknown"],
    ["$group/unknown", "no-such-group", "unknown"],
    ["$group/__proto__/t", "no-such-group", "__proto__"],
    ["$group//t", "no-such-group", ""],
  ])("makes a dead letter of %s, and MQTT 5 publishers are told", async (topic, reason, name) => {
    const { device, letters, administration } = await house(root, { groups: { nobody: { members: ["none-*"] } } });
    const publisher = await device("publisher");
    expect(await publisher.publishWhole(topic, "one", { qos: 1 })).toBe(0x10);
    expect(await publisher.publishWhole(topic, "two", { qos: 2 })).toBe(0x10);
    const old = await device("old", { version: 4 });
    expect(await old.publishWhole(topic, "three", { qos: 1 })).toBe(0);
    const destination = { kind: "group", name };
    expect(letters()).toMatchObject([
      { reason, topic, qos: 1, payloadBytes: 3, origin: "publisher", destination, requeues: 0 },
      { reason, topic, qos: 2, payloadBytes: 3, origin: "publisher", destination, requeues: 0 },
      { reason, topic, qos: 1, payloadBytes: 5, origin: "old", destination, requeues: 0 },
    ]);
    expect(administration.deadLetter(letters()[2]!.id)).toMatchObject({
      payload: Buffer.from("three").toString("base64"),
    });
  });

  it("has its letters on the disk when their publisher is told", async () => {
    const changes = { groups };
    const running = await house(root, changes);
    const publisher = await running.device("publisher");
    await publisher.publishWhole("$group/unknown/t", "one", { qos: 1 });
    const { gateway } = await killedNow(root, running, changes);
    expect(gateway.administration.deadLetters({ max: 9 }).letters).toMatchObject([{ reason: "no-such-group" }]);
  });
});

describe("a member without room", () => {
  const changes = { groups, mailboxes: { messagesMax: 2 } };

  it("costs the others nothing, its message is a dead letter, and the publisher is told of success", async () => {
    const { device, away, letters } = await house(root, changes);
    await away("sensor-full");
    const publisher = await device("publisher");
    for (const payload of ["1", "2"]) await publisher.publishWhole("$group/floor/t", payload, { qos: 1 });
    await away("sensor-roomy");
    const here = await device("hvac-1");
    expect(await publisher.publishWhole("$group/floor/t", "3", { qos: 1 })).toBe(0);
    expect(letters()).toMatchObject([
      { reason: "mailbox-full", topic: "t", origin: "publisher", destination: { kind: "device", name: "sensor-full" } },
    ]);
    expect(await here.payloads()).toEqual(["3"]);
    expect((await (await device("sensor-roomy", back)).takeAll()).map(({ payload }) => payload)).toEqual(["3"]);
    expect((await (await device("sensor-full", back)).takeAll()).map(({ payload }) => payload)).toEqual(["1", "2"]);
  });

  it("is why the publisher is told 0x97 where no member has room", async () => {
    const { device, away, letters } = await house(root, changes);
    await away("sensor-1");
    await away("sensor-2");
    const publisher = await device("publisher");
    for (const payload of ["1", "2"])
      expect(await publisher.publishWhole("$group/floor/t", payload, { qos: 1 })).toBe(0);
    expect(await publisher.publishWhole("$group/floor/t", "3", { qos: 1 })).toBe(0x97);
    expect(letters()).toHaveLength(2);
  });

  it("makes the publisher wait with flow control, until it has read", async () => {
    const { device, away } = await house(root, { groups, mailboxes: { messagesMax: 2, whenFull: "flow-control" } });
    await away("sensor-full");
    const here = await device("hvac-1");
    const publisher = await device("publisher");
    for (const payload of ["1", "2"]) await publisher.publishWhole("$group/floor/t", payload, { qos: 1 });
    const packetId = publisher.publish("$group/floor/t", "3", { qos: 1 });
    for (let i = 0; i < 3; i++) expect((await here.take()).payload).toBe(`${i + 1}`);
    await here.ping();
    expect(publisher.packets).toEqual([]);
    const full = await device("sensor-full", back);
    for (let i = 0; i < 3; i++) expect((await full.take()).payload).toBe(`${i + 1}`);
    expect(await publisher.answer("puback", packetId)).toBe(0);
  });
});

describe("the members of a group", () => {
  it("change with the configuration while the gateway runs, and what waits stays theirs", async () => {
    const { device, away, gateway, directory, administration, letters } = await house(root, { groups });
    await away("sensor-1");
    await away("lamp-1");
    const publisher = await device("publisher");
    await publisher.publishWhole("$group/floor/t", "before", { qos: 1 });
    const store = { engine: "nedb", directory };
    const next = (changed: object) => gateway.reconfigure(testConfig({ groups: changed, store }));
    const { applied } = await next({ floor: { members: ["lamp-*"] }, roof: { members: ["*"], qos: 0 } });
    expect(applied).toContain("groups");
    await publisher.publishWhole("$group/floor/t", "after", { qos: 1 });
    expect(administration.groups()).toEqual([
      { name: "floor", members: ["lamp-*"], qos: 2, devices: ["lamp-1"], devicesCount: 1 },
      { name: "roof", members: ["*"], qos: 0, devices: ["lamp-1", "publisher", "sensor-1"], devicesCount: 3 },
    ]);
    const lamp = await device("lamp-1", back);
    expect((await lamp.takeAll()).map(({ payload }) => payload)).toEqual(["after"]);
    await next({});
    expect(await publisher.publishWhole("$group/floor/t", "gone", { qos: 1 })).toBe(0x10);
    expect(letters()).toMatchObject([{ reason: "no-such-group" }]);
    const sensor = await device("sensor-1", back);
    expect((await sensor.takeAll()).map(({ payload }) => payload)).toEqual(["before"]);
  });

  it("are those that there are at that moment: sessions that ended are none, and who comes later gets nothing", async () => {
    const { device, away, letters } = await house(root, { groups });
    const publisher = await device("publisher");
    await away("sensor-1");
    await (await device("sensor-1", { clean: true })).disconnect();
    expect(await publisher.publishWhole("$group/floor/t", "x", { qos: 1 })).toBe(0x10);
    expect(letters().map(({ reason }) => reason)).toEqual(["empty-group"]);
    expect(await (await device("sensor-2")).payloads()).toEqual([]);
  });

  it.each([
    ["$group/floor/t"],
    ["$group/floor/#"],
    ["$group/#"],
    ["$group/+/t"],
    ["$share/spies/$group/floor/t"],
    ["$share/spies/$group/#"],
  ])("are not made by a subscription to %s", async (filter) => {
    const { device } = await house(root, { groups });
    const spy = await device("spy");
    const [code] = await spy.subscribe({ [filter]: 1 });
    expect(code).toBeGreaterThanOrEqual(0x80);
    await device("sensor-1");
    const publisher = await device("publisher");
    await publisher.publishWhole("$group/floor/t", "secret", { qos: 1 });
    expect(await spy.payloads()).toEqual([]);
  });

  it("are not told anything below $SYS by who is no gateway", async () => {
    const { device } = await house(root, { groups });
    const member = await device("sensor-1");
    const publisher = await device("publisher");
    publisher.publish("$group/floor/$SYS/broker/uptime", "forged", { qos: 1 });
    await publisher.next();
    expect(await member.payloads()).toEqual([]);
  });

  it("may be 2,000 devices of every kind: each gets every message once", { timeout: 120_000 }, async () => {
    const { device, administration } = await house(root, { groups: { all: { members: ["*"] } } });
    const members: Device5[] = [];
    for (let n = 0; n < 2000; n += 100) {
      const some = await Promise.all(
        Array.from({ length: 100 }, (_, i) => device(`member-${n + i}`, n % 200 === 0 ? back : {})),
      );
      for (const [i, member] of some.entries()) {
        if (n % 400 === 0) await member.disconnect();
        else members.push(member);
        if (i % 10 === 0 && n % 400 !== 0) await member.subscribe({ "t/#": 2 });
      }
    }
    const publisher = await device("publisher");
    expect(administration.groups()[0]?.devicesCount).toBe(2001);
    expect(administration.groups()[0]?.devices).toHaveLength(1000);
    for (let n = 0; n < 5; n++) expect(await publisher.publishWhole("$group/all/t/1", `${n}`, { qos: 1 })).toBe(0);
    const numbers = ["0", "1", "2", "3", "4"];
    const payloads = async (member: Device5) => (await member.takeAll()).map(({ payload }) => payload);
    for (const member of [...members, publisher]) expect(await payloads(member)).toEqual(numbers);
    for (let n = 0; n < 2000; n++) {
      if (Math.floor(n / 100) % 4 === 0) expect(await payloads(await device(`member-${n}`, back))).toEqual(numbers);
    }
  });
});
