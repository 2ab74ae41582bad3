import { describe, expect, it } from "vitest";
import { Consumers, type DispatchSettings } from "../../src/delivery/consumers.ts";
import type { Borrower } from "../../src/device/share.ts";
import { queueMessage } from "../support/queue-messages.ts";

const message = queueMessage(1);

/** A device that is connected and has room. */
function deviceOf(id: string, { isOnline = true, hasRoom = true } = {}): Borrower {
  return { id, isOnline, hasRoom } as Borrower;
}

function consumersOf(settings: Partial<DispatchSettings> = {}, ...ids: string[]) {
  const all: DispatchSettings = { consumerWindow: 2, consumersMax: 100, dispatch: "least-busy", ...settings };
  const consumers = new Consumers(
    () => all,
    () => new Set(),
  );
  for (const id of ids) consumers.join(deviceOf(id), { qos: 1 });
  const next = () => {
    const consumer = consumers.next(message, null);
    if (consumer !== undefined) consumer.inDelivery++;
    return consumer?.id;
  };
  return { consumers, next, settings: all };
}

const idsOf = (consumers: Iterable<{ id: string }>) => [...consumers].map(({ id }) => id);

describe("the consumers of a queue", () => {
  it("are none at first, and have no room", () => {
    const { consumers, next } = consumersOf();
    expect([consumers.hasRoom, next(), idsOf(consumers.all)]).toEqual([false, undefined, []]);
  });

  it("work as long as they are connected, and are known as long as they are members", () => {
    const { consumers } = consumersOf({}, "a", "b");
    consumers.join(deviceOf("c", { isOnline: false }), { qos: 1 });
    expect([idsOf(consumers.all), idsOf(consumers.active)]).toEqual([
      ["a", "b", "c"],
      ["a", "b"],
    ]);
    consumers.came(deviceOf("c"));
    consumers.went({ id: "a" });
    expect(idsOf(consumers.active)).toEqual(["b", "c"]);
    expect(consumers.leave({ id: "b" })?.id).toBe("b");
    expect(consumers.leave({ id: "unknown" })).toBeUndefined();
    expect([idsOf(consumers.all), idsOf(consumers.active)]).toEqual([["a", "c"], ["c"]]);
  });

  it("that come or go twice do so once", () => {
    const { consumers } = consumersOf({}, "a");
    consumers.came(deviceOf("a"));
    consumers.came(deviceOf("unknown"));
    expect(idsOf(consumers.active)).toEqual(["a"]);
    consumers.went({ id: "a" });
    consumers.went({ id: "a" });
    expect(consumers.active).toEqual([]);
  });

  it("have their turn one after the other, as long as each has room", () => {
    const { next } = consumersOf({ dispatch: "round-robin" }, "a", "b", "c");
    expect(Array.from({ length: 7 }, next)).toEqual(["a", "b", "c", "a", "b", "c", undefined]);
  });

  it("are chosen by who has the fewest, in turn where several have as few", () => {
    const { consumers, next } = consumersOf({ consumerWindow: 10 }, "a", "b", "c");
    expect(Array.from({ length: 4 }, next)).toEqual(["a", "b", "c", "a"]);
    for (const each of consumers.all) if (each.id === "c") each.inDelivery = 0;
    expect([next(), next()].sort()).toEqual(["b", "c"].sort());
  });

  it("that gave a message back get it again only where there is no other", () => {
    const { consumers } = consumersOf({}, "a", "b");
    const [a, b] = consumers.active as [(typeof consumers.active)[0], (typeof consumers.active)[0]];
    expect(consumers.next(message, a)).toBe(b);
    expect(consumers.next(message, b)).toBe(a);
    b.refuse(message, "too-large");
    expect(consumers.next(message, a)).toBe(a);
    expect(consumers.next(queueMessage(2), a)).toBe(b);
    a.refuse(message, "too-large");
    expect(consumers.next(message, a)).toBeUndefined();
    consumers.went(b);
    consumers.came(b.device);
    expect(consumers.next(message, a)).toBe(b);
    b.inDelivery = 2;
    expect(consumers.next(queueMessage(2), a)).toBe(a);
  });

  it("beyond the limit are backups, in the order in which they came", () => {
    const { consumers, settings } = consumersOf({ consumersMax: 2 }, "a", "b", "c", "d");
    expect(idsOf(consumers.active)).toEqual(["a", "b"]);
    consumers.went({ id: "a" });
    expect(idsOf(consumers.active)).toEqual(["b", "c"]);
    consumers.came(deviceOf("a"));
    expect(idsOf(consumers.active)).toEqual(["b", "c"]);
    Object.assign(settings, { consumersMax: 4 });
    consumers.refresh();
    expect(idsOf(consumers.active)).toEqual(["b", "c", "d", "a"]);
  });

  it("keep their keys until these are forgotten", () => {
    const { consumers } = consumersOf({ dispatch: "by-key" }, "a", "b");
    const [a, b] = consumers.active as [(typeof consumers.active)[0], (typeof consumers.active)[0]];
    consumers.seat("k", a);
    consumers.seat("l", b);
    expect([consumers.seatOf("k"), consumers.seatOf("l"), consumers.seatOf("m")]).toEqual([a, b, undefined]);
    consumers.forgetKey("k");
    expect(consumers.seatOf("k")).toBeUndefined();
    consumers.seat("k", a);
    consumers.seat("m", a);
    consumers.forgetKeysOf(new Set([a]), new Set(["m"]));
    expect([consumers.seatOf("k"), consumers.seatOf("l"), consumers.seatOf("m")]).toEqual([undefined, b, a]);
  });

  it("do not have more keys remembered than there may be, and keep those of which they have something", () => {
    const held = new Set<string>(["k0", "k1"]);
    const consumers = new Consumers(
      () => ({ consumerWindow: 1, consumersMax: 1, dispatch: "by-key" }),
      () => held,
    );
    consumers.join(deviceOf("a"), { qos: 1 });
    const [a] = consumers.active as [(typeof consumers.active)[0]];
    for (let i = 0; i <= 100_000; i++) consumers.seat(`k${i}`, a);
    const seated = (key: string) => consumers.seatOf(key) !== undefined;
    expect(["k0", "k1", "k2", "k10001", "k10002", "k100000"].map(seated)).toEqual([
      true,
      true,
      false,
      false,
      true,
      true,
    ]);
  });
});
