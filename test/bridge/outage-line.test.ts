import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OutageLine, type OutagePolicy } from "../../src/bridge/outage-line.ts";
import { Message } from "../../src/store/message.ts";

const liveFirst: OutagePolicy = { outage: "live-first", liveSharePercent: 50, keepTopicOrder: true, lastValue: false };
const oldestFirst: OutagePolicy = { ...liveFirst, outage: "oldest-first" };

function message(sequence: number, topic = "t"): Message {
  const packet = { cmd: "publish", topic, payload: Buffer.from("x"), qos: 1, retain: false, dup: false } as const;
  return new Message({ ...packet, brokerId: "gateway", brokerCounter: sequence }, 1, false);
}

/** A line in which messages of the given numbers, each of a topic of its own, are left from an outage. */
function lineWith(policy: OutagePolicy, older: readonly number[], topicOf = (n: number) => `t/${n}`) {
  const line = new OutageLine(policy);
  for (const each of older) line.restore(message(each, topicOf(each)));
  line.isLive = true;
  return line;
}

function taken(line: OutageLine): number[] {
  const all: number[] = [];
  for (let next = line.take(); next !== undefined; next = line.take()) all.push(next.sequence);
  return all;
}

describe("what waits for an upstream that is back", () => {
  it("goes in its order where nothing fresh comes", () => {
    expect(taken(lineWith(liveFirst, [1, 2, 3]))).toEqual([1, 2, 3]);
  });

  it("shares the line with what is fresh, live-first, each in its order", () => {
    const line = lineWith(liveFirst, [1, 2, 3, 4]);
    for (const each of [5, 6]) line.restore(message(each, `t/${each}`));
    expect(taken(line)).toEqual([1, 5, 2, 6, 3, 4]);
  });

  it.each([
    [10, 10],
    [25, 25],
    [90, 90],
  ])("gives what is fresh %i of a hundred turns where it is told so", (liveSharePercent, turns) => {
    const older = Array.from({ length: 200 }, (_, i) => i + 1);
    const line = lineWith({ ...liveFirst, liveSharePercent }, older);
    for (let each = 201; each <= 400; each++) line.restore(message(each, `t/${each}`));
    const first = Array.from({ length: 100 }, () => line.take()?.sequence ?? 0);
    expect(first.filter((each) => each > 200)).toHaveLength(turns);
  });

  it("is not overtaken by fresh messages of its own topic", () => {
    const line = lineWith(liveFirst, [1, 2, 3], (n) => (n === 3 ? "same" : `t/${n}`));
    line.restore(message(4, "same"));
    line.restore(message(5, "other"));
    expect(taken(line)).toEqual([1, 5, 2, 3, 4]);
  });

  it("is, where the order of topics need not be kept", () => {
    const line = lineWith({ ...liveFirst, keepTopicOrder: false }, [1, 2, 3], () => "same");
    line.restore(message(4, "same"));
    expect(taken(line)).toEqual([1, 4, 2, 3]);
  });

  it("goes before all that is fresh, oldest-first, or while it is drained", () => {
    const strict = lineWith(oldestFirst, [1, 2, 3]);
    strict.restore(message(4));
    expect(taken(strict)).toEqual([1, 2, 3, 4]);
    const drained = lineWith(liveFirst, [1, 2, 3]);
    drained.restore(message(4));
    drained.isDraining = true;
    drained.restore(message(5));
    expect(taken(drained)).toEqual([1, 2, 3, 4, 5]);
  });

  it("is joined, in its place, by what was fresh when the upstream is away again", () => {
    const line = lineWith(liveFirst, [1, 2]);
    line.restore(message(3, "t/3"));
    line.isLive = false;
    line.restore(message(4, "t/4"));
    expect(taken(line)).toEqual([1, 2, 3, 4]);
  });

  it("stays the next one between a look at it and its taking, whatever comes meanwhile", () => {
    const line = lineWith(liveFirst, [1, 2, 3]);
    line.restore(message(4, "t/4"));
    for (let i = 0; i < 4; i++) {
      const next = line.peek();
      line.restore(message(10 + i, `t/${10 + i}`));
      expect(line.peek()).toBe(next);
      expect(line.take()).toBe(next);
    }
  });

  it("is given up oldest first, whichever lane it stands in", () => {
    const line = lineWith(liveFirst, [3, 4]);
    line.restore(message(5, "t/5"));
    line.insert([message(1, "t/1")]);
    expect(line.oldest?.sequence).toBe(1);
    expect([1, 2, 3, 4].map(() => line.removeOldest()?.sequence)).toEqual([1, 3, 4, 5]);
    expect(line).toMatchObject({ depth: 0, bytes: 0, oldest: undefined });
    expect(line.removeOldest()).toBeUndefined();
  });

  it("is counted in messages and bytes, and fits within both limits", () => {
    const line = lineWith(liveFirst, [1]);
    const { bytes } = line;
    line.restore(message(2));
    expect(line.depth).toBe(2);
    expect(line.fits(message(3), { messagesMax: 2, bytesMax: 1e6 })).toBe(false);
    expect(line.fits(message(3), { messagesMax: 3, bytesMax: 2 * bytes })).toBe(false);
    expect(line.fits(message(3), { messagesMax: 3, bytesMax: 4 * bytes })).toBe(true);
    line.clear();
    expect(line).toMatchObject({ depth: 0, bytes: 0 });
  });

  it("has the latest of each topic to be superseded, where only that is kept", () => {
    const line = new OutageLine({ ...liveFirst, lastValue: true });
    const [first, second] = [message(1, "a"), message(2, "b")];
    for (const each of [first, second]) line.restore(each);
    expect(line.supersededBy(message(3, "a"))).toBe(first);
    expect(line.remove(first as Message)).toBe(true);
    expect(line.supersededBy(message(3, "a"))).toBeUndefined();
    expect(line.supersededBy(message(3, "c"))).toBeUndefined();
    expect(lineWith(liveFirst, [1]).supersededBy(message(2, "t/1"))).toBeUndefined();
  });

  it("goes in the order of each topic, whatever happens, and nothing goes twice or is lost", () => {
    const step = fc.oneof(
      fc.record({ put: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ move: fc.integer({ min: 1, max: 9 }), room: fc.integer({ min: 0, max: 9 }) }),
      fc.constantFrom("take", "live", "away", "drain", "undrain"),
    );
    const policies = fc.constantFrom(liveFirst, oldestFirst, { ...liveFirst, liveSharePercent: 90 });
    fc.assert(
      fc.property(policies, fc.array(step, { maxLength: 60 }), (policy, steps) => {
        const line = new OutageLine(policy);
        const out: Message[] = [];
        let sequence = 0;
        let moved = 0;
        for (const each of steps) {
          if (typeof each === "object" && "put" in each) line.restore(message(++sequence, `${each.put}`));
          else if (typeof each === "object") {
            const some = Array.from({ length: each.move }, () => line.removeOldest()).filter(
              (one) => one !== undefined,
            );
            line.insert(some.slice(each.room));
            moved += Math.min(some.length, each.room);
          } else if (each === "take") out.push(...[line.take()].filter((one) => one !== undefined));
          else if (each === "drain" || each === "undrain") line.isDraining = each === "drain";
          else line.isLive = each === "live";
        }
        for (let next = line.take(); next !== undefined; next = line.take()) out.push(next);
        expect(new Set(out).size).toBe(out.length);
        expect(out.length + moved).toBe(sequence);
        const latest = new Map<string, number>();
        for (const one of out) {
          expect(one.sequence).toBeGreaterThan(latest.get(one.topic) ?? 0);
          latest.set(one.topic, one.sequence);
        }
        const numbers = out.map((one) => one.sequence);
        if (policy.outage === "oldest-first") expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
      }),
    );
  });

  // As when some of it was to be moved, and there was no room for all.
  it.each([
    ["strictly, oldest-first", oldestFirst],
    ["of each topic, live-first", liveFirst],
  ])("keeps its order %s, where some of what is fresh was taken out and comes back", (_, policy) => {
    const line = new OutageLine(policy);
    line.isLive = true;
    for (let each = 1; each <= 10; each++) line.restore(message(each, "same"));
    const out = Array.from({ length: 5 }, () => line.removeOldest() as Message);
    line.insert(out.slice(3));
    line.restore(message(11, "same"));
    expect(taken(line)).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
  });
});
