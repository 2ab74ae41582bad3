import { expect, it } from "vitest";
import { percentile } from "../../bench/percentile.ts";

it("takes the value that so many do not exceed, whatever the order", () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  expect(percentile(values, 0.5)).toBe(100);
  expect(percentile(values, 0.99)).toBe(198);
  expect(percentile(values, 1)).toBe(200);
});

it("takes the only value for any share", () => {
  expect(percentile([7], 0)).toBe(7);
  expect(percentile([7], 0.99)).toBe(7);
});

it("has nothing to say about nothing", () => {
  expect(percentile([], 0.5)).toBeNaN();
});
