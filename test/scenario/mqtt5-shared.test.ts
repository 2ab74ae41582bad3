import { describe, expect, it } from "vitest";
import { countedDrops } from "../support/counted-drops.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startGateway } from "../support/start-gateway.ts";
import { Device5 } from "./mqtt5-device.ts";

const livesSeconds = 3600;
const numbers = (count: number, from = 1) => Array.from({ length: count }, (_, i) => `${i + from}`);

/** A gateway with so many members of the group `g` on `t/#`, all here, and a publisher. */
async function group(count: number, qos: 0 | 1 | 2 = 1, changes: object = {}) {
  const running = await startGateway(changes);
  const members: Device5[] = [];
  for (let i = 1; i <= count; i++) {
    const member = await Device5.connect(running.port, `member ${i}`, { livesSeconds });
    await member.subscribe({ "$share/g/t/#": qos });
    members.push(member);
  }
  const publisher = await Device5.connect(running.port, "publisher");
  return { ...running, members: members as [Device5, Device5, Device5], publisher };
}

describe("a shared subscription", () => {
  it.each([0, 1, 2] as const)("brings each message to one member, in turn, at QoS %s [MQTT-4.8.2-3]", async (qos) => {
    const { members, publisher } = await group(3, qos);
    for (const payload of numbers(9)) {
      const publishing = publisher.publishWhole("t/a", payload, { qos });
      const member = members[(Number(payload) - 1) % 3] as Device5;
      expect(await member.take()).toMatchObject({ payload, qos, retain: false, topic: "t/a" });
      await publishing;
    }
    for (const member of members) expect(await member.messages()).toEqual([]);
  });

  it("is there for every protocol version", async () => {
    const { port, members, publisher } = await group(1);
    const old = await Device5.connect(port, "old", { version: 4 });
    expect(await old.subscribe({ "$share/g/t/#": 1 })).toEqual([1]);
    const publishing = numbers(6).map((payload) => publisher.publishWhole("t/a", payload));
    const taken = [];
    for (let i = 0; i < 3; i++) taken.push(await members[0].take(), await old.take());
    expect(taken.map(({ payload }) => payload).sort()).toEqual(numbers(6));
    await Promise.all(publishing);
    expect(await old.unsubscribe("$share/g/t/#")).toEqual([]);
    void publisher.publishWhole("t/a", "7");
    expect((await members[0].take()).payload).toBe("7");
  });

  it("prefers members that are here: those who are away get nothing", async () => {
    const { port, members, publisher } = await group(3);
    await members[0].disconnect();
    await members[2].cut();
    await members[1].ping();
    for (const payload of numbers(5)) {
      const publishing = publisher.publishWhole("t/a", payload);
      expect((await members[1].take()).payload).toBe(payload);
      await publishing;
    }
    for (const id of ["member 1", "member 3"]) {
      expect(await (await Device5.connect(port, id, { livesSeconds })).messages()).toEqual([]);
    }
  });

  it("leaves out a member that has no room, which is one message at a receive maximum of 1 [MQTT-3.3.4-9]", async () => {
    const { port, members, publisher } = await group(1);
    const busy = await Device5.connect(port, "busy", { properties: { receiveMaximum: 1 } });
    await busy.subscribe({ "$share/g/t/#": 1 });
    const publishing = numbers(6).map((payload) => publisher.publishWhole("t/a", payload));
    const first = await busy.message();
    const taken = [];
    for (let i = 0; i < 5; i++) taken.push((await members[0].take()).payload);
    expect([...taken, first.payload].sort()).toEqual(numbers(6));
    expect(await busy.messages()).toEqual([]);
    await busy.acknowledge(first);
    const further = numbers(2, 7).map((payload) => publisher.publishWhole("t/a", payload));
    expect([(await busy.take()).payload, (await members[0].take()).payload].sort()).toEqual(["7", "8"]);
    await Promise.all([...publishing, ...further]);
  });

  it("of a member with a receive maximum of 1 alone brings one message after another, in their order", async () => {
    const { port } = await startGateway();
    const busy = await Device5.connect(port, "busy", { properties: { receiveMaximum: 1 } });
    await busy.subscribe({ "$share/g/t/#": 2 });
    const publisher = await Device5.connect(port, "publisher");
    const publishing = numbers(6).map((payload, i) =>
      publisher.publishWhole("t/a", payload, { qos: i % 2 === 0 ? 1 : 2 }),
    );
    for (const payload of numbers(6)) {
      await busy.ping();
      expect(busy.packets.filter(({ cmd }) => cmd === "publish")).toHaveLength(1);
      expect((await busy.take()).payload).toBe(payload);
    }
    await Promise.all(publishing).catch(() => {});
  });

  it("gives each member the QoS that it was granted [MQTT-4.8.2-3]", async () => {
    const { members, publisher, port } = await group(1, 0);
    const at = [members[0]];
    for (const qos of [1, 2] as const) {
      const member = await Device5.connect(port, `at ${qos}`);
      await member.subscribe({ "$share/g/t/#": qos });
      at.push(member);
    }
    for (const published of [0, 1, 2] as const) {
      for (const [granted, member] of at.entries()) {
        const publishing = publisher.publishWhole("t/a", `${published}`, { qos: published });
        expect(await member.take()).toMatchObject({ payload: `${published}`, qos: Math.min(published, granted) });
        await publishing;
      }
    }
    for (const member of at) expect(await member.messages()).toEqual([]);
  });

  it("is one of several groups on one filter, and of ordinary subscriptions: each gets its copy", async () => {
    const { port, members, publisher } = await group(2, 0);
    const others = [];
    for (const filter of ["$share/h/t/#", "$share/h/t/#", "$share/g/t/+", "t/#"]) {
      const other = await Device5.connect(port, `other ${others.length}`);
      await other.subscribe({ [filter]: 0 });
      others.push(other);
    }
    for (const payload of numbers(4)) await publisher.publishWhole("t/a", payload, { qos: 0 });
    const counts = await Promise.all([...members, ...others].map(async (each) => (await each.messages()).length));
    expect(counts).toEqual([2, 2, 2, 2, 4, 4]);
  });

  it("is several for one device, which is in each group for itself", async () => {
    const { members, publisher } = await group(1);
    await members[0].subscribe({ "$share/h/t/#": 1, "$share/g/t/a": 1 });
    const publishing = publisher.publishWhole("t/a", "x");
    const taken = [await members[0].take(), await members[0].take(), await members[0].take()];
    expect(new Set(taken.map(({ packetId }) => packetId)).size).toBe(3);
    await publishing;
    expect(await members[0].messages()).toEqual([]);
  });

  it("does not hide what a member publishes from it", async () => {
    const { members } = await group(1);
    const publishing = members[0].publishWhole("t/a", "own");
    expect((await members[0].take()).payload).toBe("own");
    expect(await publishing).toBe(0);
  });

  it("is subscribed anew with another QoS and stays one [MQTT-3.8.4-3]", async () => {
    const { members, publisher } = await group(2, 1);
    await members[0].subscribe({ "$share/g/t/#": 0 });
    const taken = [];
    for (const payload of numbers(4)) {
      const publishing = publisher.publishWhole("t/a", payload);
      taken.push(await (members[(Number(payload) - 1) % 2] as Device5).take());
      await publishing;
    }
    expect(taken.map(({ qos }) => qos)).toEqual([0, 1, 0, 1]);
  });

  it("is over when its last member leaves: nothing waits any more", async () => {
    const { port, members, publisher } = await group(2);
    await members[0].disconnect();
    expect(await members[1].unsubscribe("$share/g/t/#")).toEqual([0]);
    expect(await publisher.publishWhole("t/a", "waits")).toBe(0);
    await (await Device5.connect(port, "member 1", { clean: true })).disconnect();
    expect(await publisher.publishWhole("t/a", "gone")).toBe(0x10);
    const back = await Device5.connect(port, "member 1", { livesSeconds });
    await back.subscribe({ "$share/g/t/#": 1 });
    expect(await back.messages()).toEqual([]);
  });

  it("of clean sessions only ends with them", async () => {
    const { port } = await startGateway();
    const publisher = await Device5.connect(port, "publisher");
    const member = await Device5.connect(port, "member");
    await member.subscribe({ "$share/g/t/#": 1 });
    await member.disconnect();
    expect(await publisher.publishWhole("t/a", "x")).toBe(0x10);
  });

  it("does not match what begins with $ by a wildcard [MQTT-4.7.2-1]", async () => {
    const clock = new ManualClock();
    const { port } = await startGateway({}, clock);
    const member = await Device5.connect(port, "member");
    await member.subscribe({ "$share/g/#": 0, "$share/g/+/broker/#": 0, "$share/h/$SYS/broker/uptime": 0 });
    clock.advance(60_000);
    expect(new Set((await member.messages()).map(({ topic }) => topic))).toEqual(new Set(["$SYS/broker/uptime"]));
  });

  it("a PUBACK or PUBREC that fails ends the message: no other member gets it [MQTT-4.8.2-6]", async () => {
    for (const qos of [1, 2] as const) {
      const { members, publisher, port } = await group(2, qos);
      const publishing = publisher.publishWhole("t/a", "x", { qos });
      const { packetId: messageId } = await members[0].message();
      members[0].send({ cmd: qos === 1 ? "puback" : "pubrec", messageId, reasonCode: 0x83 });
      await publishing;
      await members[0].ping();
      await members[0].cut();
      expect(await members[1].messages()).toEqual([]);
      expect(await (await Device5.connect(port, "member 1", { livesSeconds })).messages()).toEqual([]);
      expect(await countedDrops(port)).toEqual({});
    }
  });
});
