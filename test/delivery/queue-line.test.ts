import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { QueueLine } from "../../src/delivery/queue-line.ts";
import { QueueRules } from "../../src/delivery/queue-rules.ts";
import type { Message } from "../../src/store/message.ts";
import { queueMessage, queueSettings } from "../support/queue-messages.ts";

const consumers = [{ name: "one" }, { name: "two" }] as const;

/** A line and the time that it goes by, in milliseconds. */
function lineAt(changes: object = {}) {
  const time = { now: 1_000_000 };
  const line = new QueueLine(new QueueRules(queueSettings(changes), () => time.now));
  return { line, time };
}

const prioritized = (sequence: number, priority: number) =>
  queueMessage(sequence, { userProperties: { priority: `${priority}` } });
const sequences = (messages: Iterable<Message>) => [...messages].map(({ sequence }) => sequence);

describe("the line of a queue", () => {
  it("gives out by priority, then by age", () => {
    const { line } = lineAt();
    for (const [i, priority] of [4, 9, 4, 0, 9].entries()) line.restore(prioritized(i, priority));
    expect([line.depth, line.ready, line.peek()?.sequence]).toEqual([5, 5, 1]);
    const taken: Message[] = [];
    for (let next = line.take(); next !== undefined; next = line.take()) taken.push(next);
    expect(sequences(taken)).toEqual([1, 4, 0, 2, 3]);
    expect([line.depth, line.bytes]).toEqual([0, 0]);
  });

  it("takes messages back to their old places", () => {
    const { line } = lineAt();
    const all = [1, 2, 3, 4, 5].map((sequence) => queueMessage(sequence));
    for (const each of all.slice(2)) line.restore(each);
    line.insert([all[1] as Message]);
    line.insert([all[0] as Message]);
    expect(sequences(line.drain())).toEqual([1, 2, 3, 4, 5]);
  });

  it("keeps back what is not due, and lets it go when it is, to its old place", () => {
    const { line, time } = lineAt({ delaySeconds: 10 });
    for (const sequence of [2, 1, 3]) line.restore(queueMessage(sequence));
    expect([line.depth, line.ready, line.delayed, line.nextDueAt]).toEqual([3, 0, 3, 1_010_000]);
    line.release();
    expect(line.ready).toBe(0);
    time.now += 12_000;
    line.release();
    expect([line.ready, line.delayed, line.nextDueAt]).toEqual([3, 0, Number.POSITIVE_INFINITY]);
    expect(sequences(line.drain())).toEqual([1, 2, 3]);
  });

  it("keeps what waits for one consumer apart, in its order, until that is unparked", () => {
    const { line } = lineAt();
    for (const sequence of [1, 2, 3]) line.park(consumers[0], queueMessage(sequence));
    line.park(consumers[1], queueMessage(4));
    line.restore(queueMessage(5));
    expect([line.depth, line.ready, [...line.parkedFor].length]).toEqual([5, 1, 2]);
    expect(line.takeParked(consumers[0])?.sequence).toBe(1);
    expect(sequences(line.parkedMessages())).toEqual([2, 3, 4]);
    line.unpark(consumers[0], ({ sequence }) => sequence === 3);
    line.unpark(consumers[1]);
    expect([line.ready, [...line.parkedFor].length]).toEqual([3, 1]);
    line.unpark(consumers[0]);
    expect(sequences(line.drain())).toEqual([2, 3, 4, 5]);
  });

  it("finds a message to take out wherever it waits", () => {
    const { line } = lineAt();
    const ready = queueMessage(1);
    const parked = queueMessage(2);
    const delayed = queueMessage(3, { userProperties: { delay: "60" } });
    line.restore(ready);
    line.park(consumers[0], parked);
    line.restore(delayed);
    for (const each of [ready, parked, delayed]) {
      expect(line.remove(each)).toBe(true);
      expect(line.remove(each)).toBe(false);
    }
    expect([line.depth, line.bytes, [...line.parkedFor].length]).toEqual([0, 0, 0]);
  });

  it("counts messages and bytes right, whatever is done with it", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(9), fc.nat(20)), { maxLength: 120 }), (steps) => {
        const { line, time } = lineAt();
        const model = new Set<Message>();
        const out: Message[] = [];
        const gone = (message: Message | undefined) => {
          if (message === undefined) return;
          expect(model.delete(message)).toBe(true);
          out.push(message);
        };
        let sequence = 0;
        for (const [what, priority, delay] of steps) {
          const said = { priority: `${priority}`, delay: delay > 12 ? `${delay}` : "0" };
          const fresh = () => {
            const message = queueMessage(++sequence, { userProperties: said, publishedAt: time.now / 1000 });
            model.add(message);
            return message;
          };
          if (what < 3) line.restore(fresh());
          else if (what === 3) line.park(consumers[priority % 2] as object, fresh());
          else if (what === 4) gone(line.take());
          else if (what === 5) gone(line.takeParked(consumers[priority % 2] as object));
          else if (what === 6) {
            time.now += delay * 1000;
            line.release();
          } else if (what === 7) gone(priority < 5 ? line.removeOldest() : line.removeLowest(priority));
          else if (what === 8) line.unpark(consumers[priority % 2] as object);
          else {
            const back = out.splice(0, 2);
            line.insert(back);
            for (const each of back) model.add(each);
          }
          expect(line.depth).toBe(model.size);
          expect(line.bytes).toBe([...model].reduce((sum, { bytes }) => sum + bytes, 0));
        }
        const waiting = [...model];
        for (const each of waiting.filter(({ sequence: at }) => at % 2 === 0)) {
          expect(line.remove(each)).toBe(true);
          model.delete(each);
        }
        expect(sequences(line.drain())).toEqual(sequences(model).sort((one, other) => one - other));
        expect([line.depth, line.bytes]).toEqual([0, 0]);
      }),
      { numRuns: 300 },
    );
  });

  it("gives up the oldest of the lowest priority, and no message above the one that asks", () => {
    const { line } = lineAt();
    for (const [i, priority] of [5, 2, 2, 7].entries()) line.restore(prioritized(i, priority));
    expect([line.removeLowest(1), line.removeLowest(4)?.sequence, line.removeLowest(2)?.sequence]).toEqual([
      undefined,
      1,
      2,
    ]);
    expect(line.removeLowest(4)).toBeUndefined();
    expect(line.removeOldest()?.sequence).toBe(0);
  });
});
