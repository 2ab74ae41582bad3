import { describe, expect, it } from "vitest";
import { drain } from "../../devices/drain.ts";
import { type Book, openBook, topic } from "./book.ts";

type Course = {
  everySecond?: (second: number, atMs: number) => void;
  gone?: boolean;
  drainMsMax?: number;
  busyUntilMs?: number;
};

/** Gives the time that draining took, on a clock that moves only when it is slept on. */
async function drainedAfterMs(
  { ledger }: Book,
  { everySecond, gone = false, drainMsMax = 60_000, busyUntilMs = 0 }: Course,
) {
  let atMs = 0;
  await drain(ledger, {
    clock: {
      nowMs: () => atMs,
      async sleep(delayMs) {
        atMs += delayMs;
        if (atMs % 1_000 === 0) everySecond?.(atMs / 1_000, atMs);
      },
    },
    quietMs: 3_000,
    drainMsMax: () => drainMsMax,
    pointless: () => gone,
    busy: () => atMs < busyUntilMs,
    waiting: () => {},
  });
  return atMs;
}

describe("draining", () => {
  it("waits for workers that have jobs in hand, although all of them were settled once", async () => {
    const book = openBook(1);
    expect(await drainedAfterMs(book, { busyUntilMs: 1_500 })).toBe(1_500);
  });

  it("ends shortly after the last expected message", async () => {
    const book = openBook(1);
    book.send(2);
    const everySecond = (second: number, atMs: number) => book.arrive(second, { atMs });
    expect(await drainedAfterMs(book, { everySecond })).toBe(2_250);
  });

  it("waits for the publishers' acknowledgements too", async () => {
    const book = openBook(1);
    book.ledger.sending(topic, 0);
    book.arrive(1, { atMs: 0 });
    const everySecond = (second: number) => {
      if (second === 2) book.ledger.acknowledged(topic, 1, 2_000);
    };
    expect(await drainedAfterMs(book, { everySecond })).toBe(2_000);
  });

  it("gives up when nothing has come for the quiet time", async () => {
    const book = openBook(1);
    book.send(2);
    const everySecond = (second: number, atMs: number) => {
      if (second === 2) book.arrive(1, { atMs });
    };
    expect(await drainedAfterMs(book, { everySecond })).toBe(5_000);
  });

  it("ends after its longest time although something keeps coming", async () => {
    const book = openBook(1);
    book.send(2);
    const everySecond = (_: number, atMs: number) => book.arrive(1, { atMs });
    expect(await drainedAfterMs(book, { everySecond, drainMsMax: 20_000 })).toBe(20_000);
  });

  it("does not wait at all when nobody is connected", async () => {
    const book = openBook(1);
    book.send(1);
    expect(await drainedAfterMs(book, { gone: true })).toBe(0);
  });
});
