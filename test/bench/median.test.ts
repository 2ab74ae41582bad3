import { expect, it } from "vitest";
import { median } from "../../bench/median.ts";

it("takes the middle value, whatever the order", () => {
  expect(median([30, 10, 20])).toBe(20);
});

it("takes the mean of the middle two of an even number", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

it("leaves out rounds without a value", () => {
  expect(median([Number.NaN, 7, Number.POSITIVE_INFINITY])).toBe(7);
});

it("has no median of nothing", () => {
  expect(median([])).toBeNaN();
});

it("leaves its argument as it was", () => {
  const values = [3, 1, 2];
  median(values);
  expect(values).toEqual([3, 1, 2]);
});
