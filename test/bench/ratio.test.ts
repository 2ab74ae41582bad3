import { expect, it } from "vitest";
import { ratio } from "../../bench/ratio.ts";

it("divides ours by theirs", () => {
  expect(ratio(8, 2)).toBe(4);
});

it("shows no ratio where either side was not measured", () => {
  expect(ratio(undefined, 2)).toBeNaN();
  expect(ratio(8, undefined)).toBeNaN();
  expect(ratio(8, Number.NaN)).toBeNaN();
});

it("shows no ratio to nothing", () => {
  expect(ratio(8, 0)).toBeNaN();
});
