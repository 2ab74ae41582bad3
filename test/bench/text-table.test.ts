import { expect, it } from "vitest";
import { textTable } from "../../bench/text-table.ts";

it("aligns names to the left and numbers to the right", () => {
  const rows = [
    ["q0-one", "1,914"],
    ["fan", "7"],
  ];
  expect(textTable(["lane", "us"], rows, 1).split("\n")).toEqual([
    "lane       us",
    "------  -----",
    "q0-one  1,914",
    "fan         7",
  ]);
});

it("accepts rows that end early", () => {
  expect(textTable(["lane", "us"], [["failed"]], 1)).toBe("lane    us\n------  --\nfailed");
});
