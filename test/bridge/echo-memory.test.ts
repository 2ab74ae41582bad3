import { describe, expect, it } from "vitest";
import { EchoMemory } from "../../src/bridge/echo-memory.ts";

const payload = Buffer.from("21.5");

describe("the memory of what was sent to an upstream", () => {
  it("knows an echo as often as the message was sent", () => {
    const memory = new EchoMemory();
    for (let i = 0; i < 3; i++) memory.sent("t", payload, 1000);
    const known = Array.from({ length: 4 }, () => memory.isEcho("t", payload, 1000));
    expect(known).toEqual([true, true, true, false]);
  });

  it("takes nothing else for one", () => {
    const memory = new EchoMemory();
    memory.sent("t", payload, 1000);
    expect(memory.isEcho("t", Buffer.from("21.6"), 1000)).toBe(false);
    expect(memory.isEcho("t/21", Buffer.from(".5"), 1000)).toBe(false);
    expect(memory.isEcho("t", payload, 1000)).toBe(true);
  });

  it("forgets after ten seconds: who says the same later says it himself", () => {
    const memory = new EchoMemory();
    memory.sent("t", payload, 1000);
    expect(memory.isEcho("t", payload, 11_000)).toBe(false);
    memory.sent("t", payload, 1000);
    expect(memory.isEcho("t", payload, 10_999)).toBe(true);
  });

  it("remembers ten thousand, and forgets the oldest first", () => {
    const memory = new EchoMemory();
    for (let i = 0; i < 10_050; i++) memory.sent(`t/${i}`, payload, 1000);
    const isKnown = (i: number) => memory.isEcho(`t/${i}`, payload, 1000);
    expect([0, 49, 50, 10_049].map(isKnown)).toEqual([false, false, true, true]);
  });

  it("counts only what it was sent in these ten seconds", () => {
    const memory = new EchoMemory();
    for (const now of [1000, 11_000, 21_000]) memory.sent("t", payload, now);
    expect([memory.isEcho("t", payload, 21_000), memory.isEcho("t", payload, 21_000)]).toEqual([true, false]);
  });

  it("does not grow older while the upstream is away, and what was too old before stays so", () => {
    const memory = new EchoMemory();
    memory.sent("fresh", payload, 9000);
    memory.sent("old", payload, 9000);
    memory.sent("fresh", payload, 20_000);
    memory.renew(21_000, 600_000);
    expect([memory.isEcho("fresh", payload, 609_999), memory.isEcho("old", payload, 600_000)]).toEqual([true, false]);
  });
});
