import { describe, expect, it } from "vitest";
import { awayDevice } from "../support/away-device.ts";
import { countedDrops } from "../support/counted-drops.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

const alarm = { topics: ["alarm/#"], priority: 9 };
const chatter = { topics: ["chatter/#"], priority: 0 };

/**
 * Two devices that are away, `one` and `two`, each with the topics `<device>/<topic>`, of which the classes know the end.
 * Messages are published one after another, each acknowledged.
 */
async function house(changes: object) {
  const clock = new ManualClock();
  const running = await startGateway(changes, clock);
  const { port, log } = running;
  const publisher = await RawClient.connected(port, { clientId: "publisher" });
  return {
    away: (clientId: string, ...filters: string[]) =>
      awayDevice(port, clientId, Object.fromEntries(filters.map((filter) => [filter, 1] as const))),
    publish: async (...texts: string[]) => {
      for (const [index, text] of texts.entries()) {
        const options = { qos: (index % 2 === 0 ? 1 : 2) as 1 | 2, messageId: index + 1 };
        await publishAcknowledged(publisher, text.slice(0, text.lastIndexOf("/")), text, options);
      }
    },
    has: async (clientId: string) => payloadsSoFar(await RawClient.connected(port, { clientId, clean: false })),
    counted: () => {
      clock.advance(10_000);
      return countedDrops(port);
    },
    reasons: () => log.complaints.map(({ fields }) => fields.reason),
  };
}

describe("a mailbox that is full", () => {
  it("removes the oldest of the lowest priority, and refuses what has less than all that wait", async () => {
    const whenFull = "remove-low-priority";
    const mailboxes = { messagesMax: 3, whenFull, classes: [alarm, chatter] };
    const { away, publish, has, counted, reasons } = await house({ mailboxes });
    await away("one", "#");
    await publish("chatter/a/1", "plain/a/2", "chatter/a/3");
    await publish("alarm/a/4", "alarm/a/5", "alarm/a/6", "plain/a/7", "chatter/a/8");
    expect(await has("one")).toEqual(["alarm/a/4", "alarm/a/5", "alarm/a/6"]);
    expect(await counted()).toEqual({ "low-priority-removed": 3, "mailbox-full": 2 });
    expect(new Set(reasons())).toEqual(new Set(["low-priority-removed", "mailbox-full"]));
  });

  it("makes room among messages of the same priority for the newest", async () => {
    const { away, publish, has } = await house({ mailboxes: { messagesMax: 2, whenFull: "remove-low-priority" } });
    await away("one", "#");
    await publish("plain/1", "plain/2", "plain/3");
    expect(await has("one")).toEqual(["plain/2", "plain/3"]);
  });

  it("does with a message what its class says", async () => {
    const mailboxes = { messagesMax: 2, classes: [{ topics: ["position"], whenFull: "remove-oldest" }] };
    const { away, publish, has, counted } = await house({ mailboxes });
    await away("one", "#");
    await publish("order/1", "position/2", "order/3", "position/4");
    expect(await has("one")).toEqual(["position/2", "position/4"]);
    expect(await counted()).toEqual({ "mailbox-full": 1, "mailbox-removed": 1 });
  });

  it("belongs to one device: others get the message all the same", async () => {
    const { away, publish, has } = await house({ mailboxes: { messagesMax: 2 } });
    await away("one", "#");
    await publish("a/1", "a/2");
    await away("two", "#");
    await publish("a/3");
    expect(await has("one")).toEqual(["a/1", "a/2"]);
    expect(await has("two")).toEqual(["a/3"]);
  });
});

describe("a class that is full", () => {
  const class3 = (more: object = {}) => ({ mailboxes: { classes: [{ topics: ["+/hot"], messagesMax: 3, ...more }] } });

  it("refuses further messages of that class to every device, and takes those of others", async () => {
    const { away, publish, has, counted, reasons } = await house(class3());
    await away("one", "one/#");
    await away("two", "two/#");
    await publish("one/hot/1", "one/hot/2", "two/hot/3", "two/hot/4", "two/cold/5", "one/hot/6");
    expect(await has("one")).toEqual(["one/hot/1", "one/hot/2"]);
    expect(await has("two")).toEqual(["two/hot/3", "two/cold/5"]);
    expect(await counted()).toEqual({ "class-full": 2 });
    expect(reasons()).toEqual(["class-full", "class-full"]);
  });

  it("removes the oldest of that class from the mailbox that the message is for", async () => {
    const { away, publish, has, counted } = await house(class3({ whenFull: "remove-oldest" }));
    await away("one", "one/#");
    await away("two", "two/#");
    await publish("one/hot/1", "two/cold/2", "two/hot/3", "two/hot/4", "two/hot/5", "two/hot/6");
    expect(await has("one")).toEqual(["one/hot/1"]);
    expect(await has("two")).toEqual(["two/cold/2", "two/hot/5", "two/hot/6"]);
    expect(await counted()).toEqual({ "mailbox-removed": 2 });
  });

  it("counts a message once, however many devices wait for it", async () => {
    const { away, publish, has, counted } = await house(class3());
    await away("one", "#");
    await away("two", "#");
    await publish("x/hot/1", "x/hot/2", "x/hot/3", "x/hot/4");
    for (const id of ["one", "two"]) expect(await has(id)).toEqual(["x/hot/1", "x/hot/2", "x/hot/3"]);
    expect(await counted()).toEqual({ "class-full": 2 });
  });
});

describe("a store that is full", () => {
  it("refuses further messages to every device", async () => {
    const { away, publish, has, counted, reasons } = await house({ store: { engine: "memory", messagesMax: 2 } });
    await away("one", "one/#");
    await away("two", "two/#");
    await publish("one/1", "two/2", "one/3", "two/4");
    expect(await has("one")).toEqual(["one/1"]);
    expect(await has("two")).toEqual(["two/2"]);
    expect(await counted()).toEqual({ "store-full": 2 });
    expect(new Set(reasons())).toEqual(new Set(["store-full"]));
  });

  it("is limited in bytes too, and has room again when a device has acknowledged", async () => {
    const { away, publish, has } = await house({ store: { engine: "memory", bytesMax: 500 } });
    await away("one", "one/#");
    await publish(`one/${"x".repeat(300)}`, `one/${"y".repeat(300)}`);
    expect((await has("one")).map((text) => text[4])).toEqual(["x"]);
  });

  it("removes the oldest from the mailbox that the message is for, and refuses where that has none", async () => {
    const changes = { store: { engine: "memory", messagesMax: 3 }, mailboxes: { whenFull: "remove-oldest" } };
    const { away, publish, has, counted } = await house(changes);
    await away("one", "one/#");
    await away("two", "two/#");
    await publish("one/1", "one/2", "one/3", "one/4", "two/5");
    expect(await has("one")).toEqual(["one/2", "one/3", "one/4"]);
    expect(await has("two")).toEqual([]);
    expect(await counted()).toEqual({ "mailbox-removed": 1, "store-full": 1 });
  });
});
