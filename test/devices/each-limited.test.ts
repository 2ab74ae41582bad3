import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import { eachLimited } from "../../devices/each-limited.ts";

it("does everything, and never more at once than it may", async () => {
  const done: number[] = [];
  let atOnce = 0;
  let mostAtOnce = 0;
  await eachLimited([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    await turn();
    atOnce--;
    done.push(item);
  });
  expect(done.sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(mostAtOnce).toBe(3);
});

it("throws the first failure, and starts nothing after it", async () => {
  const started: number[] = [];
  const work = eachLimited([1, 2, 3, 4, 5], 2, async (item) => {
    started.push(item);
    await turn();
    if (item === 1) throw new RangeError("one");
  });
  await expect(work).rejects.toThrow("one");
  expect(started).toEqual([1, 2]);
});
