import { expect, it } from "vitest";
import { medianSample } from "../../bench/sample.ts";

it("takes the median of each number on its own", () => {
  const rounds = [
    { p50Us: 1, lost: 9 },
    { p50Us: 2, lost: 0 },
    { p50Us: 3, lost: 1 },
  ];
  expect(medianSample(rounds)).toEqual({ p50Us: 2, lost: 1 });
});

it("takes what there is of a number that some rounds lack", () => {
  expect(medianSample([{ p50Us: 1 }, {}])).toEqual({ p50Us: 1 });
});

it("has nothing to say about no rounds", () => {
  expect(medianSample([])).toEqual({});
});
