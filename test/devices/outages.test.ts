import { expect, it } from "vitest";
import { Outages } from "../../devices/outages.ts";

it("excuses a connection that ended by a kill, and no other", () => {
  const outages = new Outages();
  const before = outages.mark();
  expect(outages.excuseEnd(before)).toBe(false);
  outages.begin();
  expect(outages.excuseEnd(before)).toBe(true);
  outages.end();
  expect(outages.excuseEnd(before)).toBe(true);
  expect(outages.excuseEnd(outages.mark())).toBe(false);
});

it("excuses an attempt to connect that met an outage at any time", () => {
  const outages = new Outages();
  const before = outages.mark();
  outages.begin();
  const meanwhile = outages.mark();
  expect([before, meanwhile].map((mark) => outages.excuseAttempt(mark))).toEqual([true, true]);
  outages.end();
  const after = outages.mark();
  expect([before, meanwhile, after].map((mark) => outages.excuseAttempt(mark))).toEqual([true, true, false]);
});

it("does not excuse a connection made during an outage that the next gateway lost", () => {
  const outages = new Outages();
  outages.begin();
  const meanwhile = outages.mark();
  outages.end();
  expect(outages.excuseEnd(meanwhile)).toBe(false);
});
