import { describe, expect, it } from "vitest";
import { Ledger } from "../../devices/ledger/ledger.ts";
import { judge } from "../../devices/ledger/verdict.ts";
import { run } from "./book.ts";

const topic = "home/bell/ring";

function openCast(
  qos: 1 | 2,
  { version = 4, reachesNobody = false }: { version?: 4 | 5; reachesNobody?: boolean } = {},
) {
  const ledger = new Ledger({ run, permitQos0Loss: false, permitUnacknowledged: false, lateMsMax: 5_000 });
  ledger.group({ name: "floor", members: reachesNobody ? [] : ["ada", "bob"], qos: 1 });
  ledger.subscribed("outsider", "home/#", 2);
  ledger.open({ flow: "ring", sender: "bell", topic, qos, version, via: "$group/floor", reachesNobody });
  ledger.sending(topic, 0);
  return {
    ledger,
    acknowledge: (reasonCode?: number) => ledger.acknowledged(topic, 1, 1, reasonCode),
    arrive(receiver: string, { atMs = 10, dup = false } = {}) {
      const stamp = { run, sender: "bell", topic, sequence: 1, sentAtMs: 0 };
      ledger.arrived({ receiver, topic, decoded: { stamp, body: Buffer.alloc(0) }, dup, atMs });
    },
    problems: () => judge(ledger.tally(), ledger.incidents).problems,
  };
}

describe("the verdict on a multicast", () => {
  it("passes when each member had it once, and nobody else", () => {
    const cast = openCast(1);
    cast.acknowledge();
    cast.arrive("ada");
    cast.arrive("bob");
    expect(cast.problems()).toEqual([]);
    expect(cast.ledger.tally()[0]).toMatchObject({ expected: 2, received: 2 });
  });

  it("fails when a member did not get it, or got it twice", () => {
    const cast = openCast(1);
    cast.acknowledge();
    cast.arrive("ada");
    cast.arrive("ada");
    expect(cast.problems()).toEqual(["ring: 1 lost", "ring: 1 duplicated"]);
  });

  it("fails when somebody else got it, although its subscription matches the topic", () => {
    const cast = openCast(1);
    cast.acknowledge();
    for (const receiver of ["ada", "bob", "outsider"]) cast.arrive(receiver);
    expect(cast.problems()).toEqual([expect.stringContaining("1 foreign")]);
  });

  it("promises no more than the group's QoS", () => {
    const cast = openCast(2);
    cast.acknowledge();
    cast.arrive("bob");
    cast.arrive("ada");
    cast.ledger.left("ada", 20);
    cast.ledger.returned("ada", 30);
    cast.arrive("ada", { atMs: 40, dup: true });
    expect(cast.problems()).toEqual([]);
  });

  it("wants a sender with MQTT 5 to be told when a group reaches nobody, and nobody to hear it", () => {
    const cast = openCast(1, { version: 5, reachesNobody: true });
    cast.acknowledge(0x10);
    expect(cast.problems()).toEqual([]);
    expect(cast.ledger.tally()[0]).toMatchObject({ toldOfNobody: 1, wronglyTold: 0 });
    cast.arrive("ada");
    expect(cast.problems()).toEqual([expect.stringContaining("1 foreign")]);
  });

  it("fails when it is not told", () => {
    const cast = openCast(1, { version: 5, reachesNobody: true });
    cast.acknowledge(0);
    expect(cast.problems()).toEqual([expect.stringContaining("0x10")]);
  });
});
