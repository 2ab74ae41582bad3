import { describe, expect, it } from "vitest";
import { blocked } from "../support/blocked.ts";
import { countedDrops } from "../support/counted-drops.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { RawClient } from "../support/raw-client.ts";
import { restarts } from "../support/restarts.ts";
import { startGateway } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { Device5, type Told } from "./mqtt5-device.ts";

const root = temporaryDirectory();
const livesSeconds = 3600;
const numbers = (count: number, from = 1) => Array.from({ length: count }, (_, i) => `${i + from}`);
const payloadsOf = (messages: Told[]) => messages.map(({ payload }) => payload);
const shared = { "$share/g/t/#": 2 } as const;
const member = (port: number, id = "member") => Device5.connect(port, id, { livesSeconds });

/** Makes a member, and lets it leave. */
async function away(port: number, id = "member", qos: 0 | 1 | 2 = 2): Promise<void> {
  const device = await member(port, id);
  await device.subscribe({ "$share/g/t/#": qos });
  await device.disconnect();
}

/** A gateway whose only member is away, and a publisher. */
async function house(changes: object = {}, clock?: ManualClock) {
  const running = await startGateway(changes, clock);
  await away(running.port);
  const publisher = await Device5.connect(running.port, "publisher");
  return { ...running, publisher };
}

describe("while no member is here, messages wait for the first that comes", () => {
  it.each([1, 2] as const)("in their order, at QoS %s; at QoS 0 they are gone", async (qos) => {
    const { port, publisher } = await house();
    for (const payload of numbers(3)) expect(await publisher.publishWhole("t/a", payload, { qos })).toBe(0);
    await publisher.publishWhole("t/a", "gone", { qos: 0 });
    const back = await member(port);
    const messages = await back.takeAll();
    expect(messages.map((each) => [each.payload, each.qos])).toEqual(numbers(3).map((payload) => [payload, qos]));
    expect(await countedDrops(port)).toEqual({});
  });

  it("also where another member subscribed meanwhile: both share what waits", async () => {
    const { port, publisher } = await house({ sessions: { inFlightMax: 1 } });
    for (const payload of numbers(4)) await publisher.publishWhole("t/a", payload);
    const fresh = await member(port, "fresh");
    await fresh.subscribe(shared);
    const [one] = await fresh.messages();
    const back = await member(port);
    const [two] = await back.messages();
    expect([one?.payload, two?.payload]).toEqual(["1", "2"]);
    await fresh.acknowledge(one as Told);
    await back.acknowledge(two as Told);
    const rest = [await fresh.take(), await back.take()];
    expect(payloadsOf(rest).sort()).toEqual(["3", "4"]);
  });

  it("with all that is said of them, counted down", async () => {
    const clock = new ManualClock();
    const { port, publisher } = await house({}, clock);
    const properties = { contentType: "c", messageExpiryInterval: 100, userProperties: { a: ["1", "2"] } };
    await publisher.publishWhole("t/a", "stays", { properties });
    await publisher.publishWhole("t/a", "gone", { properties: { messageExpiryInterval: 5 } });
    clock.advance(40_000);
    const back = await member(port);
    expect(await back.takeAll()).toMatchObject([
      { payload: "stays", properties: { ...properties, messageExpiryInterval: 60 } },
    ]);
    clock.advance(10_000);
    expect(await countedDrops(port)).toEqual({ expired: 1 });
  });

  it("and not for one whose session ends before it comes", async () => {
    const clock = new ManualClock();
    const { port, publisher } = await house({}, clock);
    await publisher.publishWhole("t/a", "x");
    clock.advance(3601_000 + 60_000);
    await publisher.ping();
    expect(await publisher.publishWhole("t/a", "y")).toBe(0x10);
    const back = await member(port);
    expect(back.sessionPresent).toBe(false);
    await back.subscribe(shared);
    expect(await back.messages()).toEqual([]);
  });

  it.each(["stopped", "killed"] as const)(
    "through a gateway that is %s, with what was in flight to one, each once at QoS 2",
    async (how) => {
      const first = await restarts(root);
      await away(first.port, "another");
      const before = await member(first.port);
      await before.subscribe({ "$share/g/t/#": 1 });
      const publisher = await Device5.connect(first.port, "publisher");
      const published = numbers(3).map((payload) => publisher.publishWhole("t/a", payload));
      expect(payloadsOf([await before.message(), await before.message(), await before.message()])).toEqual(numbers(3));
      await Promise.all(published);
      if (how === "stopped") await before.cut();
      for (const payload of numbers(2, 4)) await publisher.publishWhole("t/a", payload, { qos: 2 });
      const { port } = await first[how]();
      const another = await member(port, "another");
      const messages: Told[] = [];
      while (messages.length < 5) messages.push(await another.take());
      expect(payloadsOf(messages)).toEqual(numbers(5));
      expect(await (await member(port)).messages()).toEqual([]);
    },
  );

  it("through several restarts, and none that a member has acknowledged comes again", async () => {
    const first = await restarts(root);
    await away(first.port);
    const publisher = await Device5.connect(first.port, "publisher");
    for (const payload of numbers(6))
      await publisher.publishWhole("t/a", payload, { qos: Number(payload) % 2 ? 1 : 2 });
    const second = await first.killed({ sessions: { inFlightMax: 2 } });
    const back = await member(second.port);
    expect(payloadsOf([await back.take(), await back.take()])).toEqual(["1", "2"]);
    await back.ping();
    await back.cut();
    const third = await second.stopped();
    const last = await member(third.port);
    const rest = [await last.take(), await last.take(), await last.take(), await last.take()];
    expect(new Set(payloadsOf(rest))).toEqual(new Set(numbers(4, 3)));
    await last.ping();
    await last.disconnect();
    const { port } = await third.stopped();
    expect(await (await member(port)).messages()).toEqual([]);
  });

  it("in groups of their own", async () => {
    const first = await restarts(root);
    await away(first.port);
    const other = await member(first.port, "other");
    await other.subscribe({ "$share/h/t/#": 1, "$share/g/t/+": 1 });
    await other.disconnect();
    const publisher = await Device5.connect(first.port, "publisher");
    await publisher.publishWhole("t/a", "x");
    const { port } = await first.killed();
    expect(payloadsOf(await (await member(port)).takeAll())).toEqual(["x"]);
    expect(payloadsOf(await (await member(port, "other")).takeAll())).toEqual(["x", "x"]);
  });
});

describe("the mailbox of a group is limited as a device's is", () => {
  it("reject-newest refuses what comes, and says so with 0x97", async () => {
    const { port, publisher } = await house({ mailboxes: { messagesMax: 2 } });
    const codes = [];
    for (const payload of numbers(4)) codes.push(await publisher.publishWhole("t/a", payload));
    expect(codes).toEqual([0, 0, 0x97, 0x97]);
    expect(payloadsOf(await (await member(port)).takeAll())).toEqual(["1", "2"]);
  });

  it("remove-oldest keeps the newest", async () => {
    const { port, publisher } = await house({ mailboxes: { messagesMax: 2, whenFull: "remove-oldest" } });
    for (const payload of numbers(4)) expect(await publisher.publishWhole("t/a", payload)).toBe(0);
    expect(payloadsOf(await (await member(port)).takeAll())).toEqual(["3", "4"]);
  });

  it("remove-low-priority keeps what matters most", async () => {
    const classes = [{ topics: ["t/alarm"], priority: 9 }];
    const { port, publisher } = await house({
      mailboxes: { messagesMax: 2, whenFull: "remove-low-priority", classes },
    });
    for (const topic of ["t/a", "t/alarm", "t/b", "t/alarm", "t/c"]) await publisher.publishWhole(topic, topic);
    expect(payloadsOf(await (await member(port)).takeAll())).toEqual(["t/alarm", "t/alarm"]);
  });

  it("flow-control lets the publisher wait until a member has come", async () => {
    const { gateway, port, publisher } = await house({ mailboxes: { messagesMax: 2, whenFull: "flow-control" } });
    const publishing = numbers(4).map((payload) => publisher.publishWhole("t/a", payload));
    await blocked(gateway, "publisher", await RawClient.connected(port, { clientId: "bystander" }));
    const back = await member(port);
    for (const payload of numbers(4)) expect((await back.take()).payload).toBe(payload);
    expect(await Promise.all(publishing)).toEqual([0, 0, 0, 0]);
  });

  it("flow-control does not let a member wait for itself: what it publishes beyond the limit is refused", async () => {
    const { port } = await startGateway({
      mailboxes: { messagesMax: 1, whenFull: "flow-control" },
      sessions: { inFlightMax: 1 },
    });
    const own = await member(port);
    await own.subscribe(shared);
    const publishing = numbers(4).map((payload) => own.publishWhole("t/a", payload));
    const first = await own.message();
    await own.acknowledge(first);
    expect((await own.take()).payload).toBe("2");
    expect((await Promise.all(publishing)).slice(2)).toEqual([0x97, 0x97]);
    await own.ping();
  });

  it("a store that is full does not lose what it has: it is given on, at every QoS", async () => {
    const { port, publisher } = await house({ store: { engine: "memory", messagesMax: 2 } });
    for (const qos of [1, 2] as const) expect(await publisher.publishWhole("t/a", `${qos}`, { qos })).toBe(0);
    expect(await publisher.publishWhole("t/a", "refused", { qos: 2 })).toBe(0x97);
    const back = await member(port);
    expect(payloadsOf([await back.take(), await back.take()])).toEqual(["1", "2"]);
    await back.disconnect();
    expect(await publisher.publishWhole("t/a", "room again", { qos: 2 })).toBe(0);
  });

  it("a store that is full refuses a message for a member that is here, and says so with 0x97", async () => {
    const { port } = await startGateway({ store: { engine: "memory", messagesMax: 1 } });
    const here = await member(port);
    await here.subscribe({ ...shared, "full/#": 1 });
    await here.disconnect();
    const publisher = await Device5.connect(port, "publisher");
    expect(await publisher.publishWhole("full/a", "x")).toBe(0);
    await member(port).then((back) => back.message());
    expect(await publisher.publishWhole("t/a", "y", { qos: 2 })).toBe(0x97);
  });
});
