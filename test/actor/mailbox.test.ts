import { describe, expect, it } from "vitest";
import { Mailbox, type MailboxLimits } from "../../src/actor/mailbox.ts";

interface Letter {
  text: string;
  bytes: number;
}

const letter = (text: string, bytes = 1): Letter => ({ text, bytes });

function mailbox(limits: Partial<MailboxLimits> = {}) {
  const dropped: [string, boolean][] = [];
  const all: MailboxLimits = { messagesMax: 3, bytesMax: 100, whenFull: "reject-newest", ...limits };
  const box = new Mailbox<Letter>(all, ({ text }, hadWaited) => dropped.push([text, hadWaited]));
  return { box, dropped, limits: all };
}

const drain = (box: Mailbox<Letter>) => {
  const texts: string[] = [];
  for (let next = box.take(); next !== undefined; next = box.take()) texts.push(next.text);
  return texts;
};

describe("Mailbox", () => {
  it("gives messages back in the order in which they came, however often it wraps around", () => {
    const { box } = mailbox({ messagesMax: 1000, bytesMax: 10_000 });
    let put = 0;
    let taken = 0;
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < 7 + round; i++) box.put(letter(`${put++}`));
      for (let i = 0; i < 5 + round; i++) expect(box.take()?.text).toBe(`${taken++}`);
    }
    expect(drain(box)).toEqual(Array.from({ length: put - taken }, (_, i) => `${taken + i}`));
    expect(box.take()).toBeUndefined();
  });

  it("counts its messages and bytes", () => {
    const { box } = mailbox();
    box.put(letter("a", 10));
    box.put(letter("b", 20));
    expect([box.depth, box.bytes]).toEqual([2, 30]);
    box.take();
    expect([box.depth, box.bytes]).toEqual([1, 20]);
    box.clear();
    expect([box.depth, box.bytes, box.peek()]).toEqual([0, 0, undefined]);
  });

  it("rejects the newest message when it is full of messages", () => {
    const { box, dropped } = mailbox();
    expect(["a", "b", "c", "d"].map((text) => box.put(letter(text)))).toEqual([true, true, true, false]);
    expect(dropped).toEqual([["d", false]]);
    expect(drain(box)).toEqual(["a", "b", "c"]);
  });

  it("rejects the newest message when it is full of bytes", () => {
    const { box, dropped } = mailbox();
    expect(box.put(letter("a", 60))).toBe(true);
    expect(box.put(letter("b", 41))).toBe(false);
    expect(box.put(letter("c", 40))).toBe(true);
    expect(dropped).toEqual([["b", false]]);
  });

  it("removes the oldest messages to make room, if told to", () => {
    const { box, dropped } = mailbox({ whenFull: "remove-oldest" });
    for (const text of ["a", "b", "c"]) box.put(letter(text, 30));
    expect(box.put(letter("d", 50))).toBe(true);
    expect(dropped).toEqual([
      ["a", true],
      ["b", true],
    ]);
    expect(drain(box)).toEqual(["c", "d"]);
  });

  it("does not empty itself for a message that can never fit", () => {
    const { box, dropped } = mailbox({ whenFull: "remove-oldest" });
    box.put(letter("a"));
    expect(box.put(letter("huge", 101))).toBe(false);
    expect(dropped).toEqual([["huge", false]]);
    expect(drain(box)).toEqual(["a"]);
  });

  it("takes no messages at all where the limit is none", () => {
    const { box } = mailbox({ messagesMax: 0, whenFull: "remove-oldest" });
    expect(box.put(letter("a"))).toBe(false);
  });

  it("follows limits that change while it is in use", () => {
    const { box, limits } = mailbox();
    for (const text of ["a", "b", "c"]) box.put(letter(text));
    limits.messagesMax = 4;
    expect(box.put(letter("d"))).toBe(true);
    expect(box.put(letter("e"))).toBe(false);
  });

  it("restores what was accepted before, beyond its limits", () => {
    const { box } = mailbox({ messagesMax: 1 });
    box.restore(letter("a"));
    box.restore(letter("b"));
    expect(drain(box)).toEqual(["a", "b"]);
  });
});
