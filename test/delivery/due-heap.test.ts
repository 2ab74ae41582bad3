import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DueHeap } from "../../src/delivery/due-heap.ts";

/** Everything, as it comes out. */
function emptied<T>(heap: DueHeap<T>): T[] {
  const all: T[] = [];
  while (heap.size > 0) all.push(heap.take() as T);
  return all;
}

describe("a heap of what is due", () => {
  it("has nothing at first", () => {
    const heap = new DueHeap<string>();
    expect([heap.size, heap.first, heap.take()]).toEqual([0, undefined, undefined]);
  });

  it("gives out what is due first, whatever the order in which it was added", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 200 }), (times) => {
        const heap = new DueHeap<number>();
        for (const at of times) heap.add(at, at);
        expect(heap.first?.at).toBe(times.length === 0 ? undefined : Math.min(...times));
        expect(emptied(heap)).toEqual([...times].sort((one, other) => one - other));
      }),
    );
  });

  it("is a heap still after some were removed, and after more were added and taken in turn", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("add" as const), at: fc.integer({ min: 0, max: 30 }) }),
      fc.record({ kind: fc.constant("take" as const), at: fc.constant(0) }),
      fc.record({ kind: fc.constant("remove" as const), at: fc.integer({ min: 0, max: 30 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const heap = new DueHeap<number>();
        let model: number[] = [];
        for (const { kind, at } of steps) {
          if (kind === "add") {
            heap.add(at, at);
            model = [...model, at].sort((one, other) => one - other);
          } else if (kind === "take") expect(heap.take()).toBe(model.shift());
          else {
            const removed = heap.removeIf((item) => item >= at);
            expect(removed.sort((one, other) => one - other)).toEqual(model.filter((item) => item >= at));
            model = model.filter((item) => item < at);
          }
          expect([heap.size, heap.first?.at]).toEqual([model.length, model[0]]);
        }
        expect(emptied(heap)).toEqual(model);
      }),
    );
  });

  it("is empty when it is cleared", () => {
    const heap = new DueHeap<string>();
    heap.add("a", 1);
    heap.clear();
    expect([heap.size, heap.take()]).toEqual([0, undefined]);
  });
});
