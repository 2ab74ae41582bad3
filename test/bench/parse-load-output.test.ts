import { expect, it } from "vitest";
import { parseLoadOutput } from "../../bench/parse-load-output.ts";

it("keeps the numbers of the last line", () => {
  const stdout = 'listening\n{"mode":"pair","deliveriesPerSecond":12.5,"lost":0}\n';
  expect(parseLoadOutput(stdout)).toEqual({ deliveriesPerSecond: 12.5, lost: 0 });
});

it.each(["", "load: killed", "[1,2]", "null", "17"])("refuses %j, which is no result", (stdout) => {
  expect(() => parseLoadOutput(stdout)).toThrow(expect.objectContaining({ code: "ERR_INVARIANT" }));
});
