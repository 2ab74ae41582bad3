import { describe, expect, it } from "vitest";
import type { Device } from "../../src/device/device.ts";
import type { Gateway } from "../../src/gateway.ts";
import { countedDrops } from "../support/counted-drops.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startGateway } from "../support/start-gateway.ts";
import { Device5 } from "./mqtt5-device.ts";

const livesSeconds = 3600;
const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i + 1}`);
const shared = "$share/g/t/#";

async function join(
  port: number,
  id: string,
  qos: 0 | 1 | 2 = 1,
  choices: object = { livesSeconds },
): Promise<Device5> {
  const member = await Device5.connect(port, id, choices);
  await member.subscribe({ [shared]: qos });
  return member;
}

/** The figures below $SYS are those of ten seconds ago at most. */
async function drops(port: number, clock: ManualClock): Promise<Record<string, number>> {
  clock.advance(10_000);
  return countedDrops(port);
}

/** Has `authorizeForward` say no to one client. */
function refuse(gateway: Gateway, id: string): void {
  gateway.broker.authorizeForward = (client, packet) =>
    (packet.topic.startsWith("t/") && client.id === id ? null : packet) as never;
}

describe("a member that authorizeForward says no to", () => {
  it.each([0, 1] as const)("is passed over: the next one gets the message, at QoS %s", async (qos) => {
    const clock = new ManualClock();
    const { gateway, port } = await startGateway({}, clock);
    refuse(gateway, "barred");
    const [barred, free] = [await join(port, "barred"), await join(port, "free")];
    const publisher = await Device5.connect(port, "publisher");
    for (const payload of numbers(4)) expect(await publisher.publishWhole("t/a", payload, { qos })).toBe(0);
    expect(await free.payloads()).toEqual(numbers(4));
    expect(await barred.payloads()).toEqual([]);
    expect(await drops(port, clock)).toEqual({});
  });

  it("leaves the message to one that is away, and may have it", async () => {
    const { gateway, port } = await startGateway();
    refuse(gateway, "barred");
    const [barred, free] = [await join(port, "barred"), await join(port, "free")];
    await free.disconnect();
    const publisher = await Device5.connect(port, "publisher");
    for (const payload of numbers(3)) expect(await publisher.publishWhole("t/a", payload)).toBe(0);
    expect(await barred.payloads()).toEqual([]);
    const back = await Device5.connect(port, "free", { livesSeconds, clean: false });
    expect((await back.takeAll()).map(({ payload }) => payload)).toEqual(numbers(3));
  });

  it.each([0, 1] as const)(
    "and is the only one: the message is dropped, once, and holds up none, at QoS %s",
    async (qos) => {
      const clock = new ManualClock();
      const { gateway, port } = await startGateway({}, clock);
      refuse(gateway, "barred");
      const barred = await join(port, "barred");
      await barred.subscribe({ "$share/g/free/#": 1 });
      const publisher = await Device5.connect(port, "publisher");
      await publisher.publishWhole("t/a", "no", { qos });
      await publisher.publishWhole("free/a", "yes", { qos });
      expect(await barred.payloads()).toEqual(["yes"]);
      expect(await drops(port, clock)).toEqual({ "not-authorized": 1 });
    },
  );

  it("is asked about once for each message of QoS 0", async () => {
    const { gateway, port } = await startGateway();
    let asked = 0;
    gateway.broker.authorizeForward = (_client, packet) => {
      if (packet.topic === "t/a") asked++;
      return packet;
    };
    const member = await join(port, "member");
    await (await Device5.connect(port, "publisher")).publishWhole("t/a", "x", { qos: 0 });
    expect(await member.payloads()).toEqual(["x"]);
    expect(asked).toBe(1);
  });
});

describe("a member over whose message a hook throws", () => {
  /** A message to `leaving`, which leaves it to `frail`; there the hook throws, and `other` looks on. */
  async function handedOn(qos: 1 | 2, choices: object = { livesSeconds }) {
    const running = await startGateway();
    const { gateway, port } = running;
    let isBroken = true;
    gateway.broker.authorizeForward = (client, packet) => {
      if (isBroken && client.id === "frail" && packet.topic === "t/a") throw new TypeError("the hook is broken");
      return packet;
    };
    const leaving = await join(port, "leaving");
    const publisher = await Device5.connect(port, "publisher");
    const published = publisher.publishWhole("t/a", "x", { qos });
    await leaving.message();
    const frail = await join(port, "frail", qos, choices);
    await leaving.cut();
    await frail.closed;
    isBroken = false;
    const back = (id: string) => Device5.connect(port, id, { livesSeconds, clean: false });
    return { ...running, publisher, published, frail, back };
  }

  it.each([1, 2] as const)("crashes, and not the one that left it to it, at QoS %s", async (qos) => {
    const { log, frail, published, back } = await handedOn(qos);
    await published;
    expect(frail.packets).toMatchObject([{ cmd: "disconnect" }]);
    const errors = log.lines.filter(({ level }) => level === "error");
    expect(errors.map(({ fields }) => fields.device)).toEqual(["frail"]);
    expect((await back("leaving")).sessionPresent).toBe(true);
  });

  it("does not lose it: at QoS 1 it goes to another", async () => {
    const { published, back } = await handedOn(1);
    const leaving = await back("leaving");
    expect(await leaving.take()).toMatchObject({ payload: "x", qos: 1 });
    await published;
    expect(await (await back("frail")).payloads()).toEqual([]);
  });

  it("does not lose it: at QoS 2 it stays its own, and goes to no other [MQTT-4.8.2-4]", async () => {
    const { published, back } = await handedOn(2);
    await published;
    const leaving = await back("leaving");
    expect(await leaving.payloads()).toEqual([]);
    expect(await (await back("frail")).take()).toMatchObject({ payload: "x", qos: 2 });
    expect(await leaving.payloads()).toEqual([]);
  });

  it("takes it along at QoS 2 where its session ends with that: another might get it twice [MQTT-4.8.2-5]", async () => {
    const { published, back } = await handedOn(2, {});
    await published;
    expect(await (await back("leaving")).payloads()).toEqual([]);
    expect((await back("frail")).sessionPresent).toBe(false);
  });
});

describe("a member that crashed", () => {
  it("and starts clean before it is built anew is no member any more [MQTT-3.1.2-4]", async () => {
    const clock = new ManualClock();
    const { gateway, port } = await startGateway({}, clock);
    const member = await join(port, "member");
    const { device } = gateway.broker.clients.member as unknown as { device: Device };
    device.failed(new TypeError("for a test"));
    await member.closed;
    const fresh = await Device5.connect(port, "member", { livesSeconds, clean: true });
    const publisher = await Device5.connect(port, "publisher");
    expect(await publisher.publishWhole("t/a", "x")).toBe(0x10);
    clock.advance(60_000);
    expect(await publisher.publishWhole("t/a", "x")).toBe(0x10);
    expect(await fresh.payloads()).toEqual([]);
  });
});

describe("a member that takes none of what waits for it", () => {
  it("breaks over no number of them: thousands at QoS 2 are dropped, and the next one comes", async () => {
    const clock = new ManualClock();
    const { port, log } = await startGateway({ mailboxes: { messagesMax: 10_000 } }, clock);
    const count = 3000;
    await (await join(port, "member", 2)).disconnect();
    const publisher = await Device5.connect(port, "publisher");
    for (let i = 0; i < count; i++) await publisher.publishWhole("t/a", "x".repeat(300), { qos: 2 });
    const properties = { maximumPacketSize: 200 };
    const back = await Device5.connect(port, "member", { livesSeconds, clean: false, properties });
    await publisher.publishWhole("t/a", "small", { qos: 2 });
    expect((await back.take()).payload).toBe("small");
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
    expect(await drops(port, clock)).toEqual({ "too-large": count });
  });
});

describe("shared subscriptions of one device", () => {
  it("are at most limits.sharedSubscriptionsPerDeviceMax; one more is refused with 0x97, others are not", async () => {
    const { port } = await startGateway({ limits: { sharedSubscriptionsPerDeviceMax: 2 } });
    const device = await Device5.connect(port, "device");
    expect(await device.subscribe({ "$share/a/t": 1, "$share/b/t": 1, "$share/c/t": 1, t: 1 })).toEqual([
      1, 1, 0x97, 1,
    ]);
    expect(await device.subscribe({ "$share/a/t": 2 })).toEqual([2]);
    await device.unsubscribe("$share/b/t");
    expect(await device.subscribe({ "$share/c/t": 1 })).toEqual([1]);
    expect(await (await Device5.connect(port, "other")).subscribe({ "$share/a/t": 1 })).toEqual([1]);
  });

  it("call up no retained message, not even one whose topic is the filter", async () => {
    const { port } = await startGateway();
    const device = await Device5.connect(port, "device");
    await device.publishWhole("$share/g/t", "literal", { retain: true });
    await device.publishWhole("t", "matching", { retain: true });
    expect(await device.subscribe({ "$share/g/t": 1 })).toEqual([1]);
    expect(await device.payloads()).toEqual([]);
  });
});
