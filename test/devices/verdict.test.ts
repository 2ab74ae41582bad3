import { describe, expect, it } from "vitest";
import { Ledger } from "../../devices/ledger/ledger.ts";
import { judge } from "../../devices/ledger/verdict.ts";
import { openBook, run, topic } from "./book.ts";

const everyQos = [0, 1, 2] as const;

describe("the verdict", () => {
  it.each(everyQos)("passes when everything came once, whole and in order, at QoS %i", (qos) => {
    const book = openBook(qos);
    book.send(3);
    for (const sequence of [1, 2, 3]) book.arrive(sequence);
    expect(book.verdict()).toEqual({ passed: true, problems: [], examples: [] });
  });

  it.each(everyQos)("fails when a message is lost at QoS %i, and names it", (qos) => {
    const book = openBook(qos);
    book.send(3);
    book.arrive(1);
    book.arrive(3);
    expect(book.verdict()).toEqual({
      passed: false,
      problems: ["temperature: 1 lost"],
      examples: [`reader never got number 2 of sensor on ${topic}`],
    });
  });

  it("fails when only one of several receivers misses a message", () => {
    const book = openBook(1, { readers: { reader: 1, other: 1 } });
    book.send(1);
    book.arrive(1);
    expect(book.verdict().problems).toEqual(["temperature: 1 lost"]);
  });

  it.each(everyQos)("fails when a message comes twice without a reconnect at QoS %i", (qos) => {
    const book = openBook(qos);
    book.send(1);
    book.arrive(1);
    book.arrive(1, { dup: true });
    expect(book.verdict().problems).toEqual(["temperature: 1 duplicated"]);
  });

  it.each(everyQos)("fails when a message overtakes another at QoS %i", (qos) => {
    const book = openBook(qos);
    book.send(3);
    for (const sequence of [1, 3, 2]) book.arrive(sequence);
    expect(book.verdict().problems).toEqual(["temperature: 1 out of order"]);
  });

  it("fails when a message is late", () => {
    const book = openBook(0, { lateMsMax: 50 });
    book.send(1, 0);
    book.arrive(1, { atMs: 51 });
    expect(book.verdict().problems).toEqual(["temperature: 1 late"]);
  });

  it.each([
    ["of another run", { stamp: { run: "another" } }],
    ["of another sender", { stamp: { sender: "burglar" } }],
    ["that was published on another topic", { stamp: { topic: "home/sensor/press" } }],
    ["for a receiver that did not ask for it", { receiver: "stranger" }],
  ])("fails on a foreign message %s", (_, options) => {
    const book = openBook(0);
    book.send(1);
    book.arrive(1);
    book.arrive(1, options);
    const { passed, problems, examples } = book.verdict();
    expect(passed).toBe(false);
    expect(problems).toEqual([expect.stringContaining("temperature: 1 foreign")]);
    expect(examples).toHaveLength(1);
  });

  it.each([0, 2, -1, 1.5])("fails on a message with a number that was never sent: %d", (sequence) => {
    const book = openBook(0);
    book.send(1);
    book.arrive(1);
    book.arrive(sequence);
    expect(book.verdict().problems).toEqual([expect.stringContaining("1 foreign")]);
  });

  it("fails on a message on a topic that nobody opened", () => {
    const book = openBook(0);
    book.send(1);
    book.arrive(1);
    book.arrive(1, { on: "home/ghost", stamp: { topic: "home/ghost" } });
    expect(book.verdict().problems).toEqual([expect.stringContaining("unknown: 1 foreign")]);
  });

  it("fails on a corrupted message, and counts what it was as lost", () => {
    const book = openBook(1);
    book.send(2);
    book.arrive(1);
    book.ledger.arrived({ receiver: "reader", topic, decoded: { torn: "it is cut" }, dup: false, atMs: 3 });
    expect(book.verdict().problems).toEqual(["temperature: 1 lost", "temperature: 1 corrupted"]);
  });

  it.each([1, 2] as const)("fails when a QoS %i message was never acknowledged to its publisher", (qos) => {
    const book = openBook(qos);
    book.ledger.sending(topic, 0);
    book.arrive(1);
    expect(book.verdict().problems).toEqual(["temperature: 1 never acknowledged to the publisher"]);
  });

  it("fails on an incident, and names at most three of those that it befell", () => {
    const book = openBook(0);
    book.send(1);
    book.arrive(1);
    for (const who of ["a", "b", "c", "d", "e"]) book.ledger.incident("a connection was lost", who);
    expect(book.verdict().problems).toEqual(["a connection was lost: a, b, c, and 2 more"]);
  });
});

describe("the verdict on a run that shows nothing", () => {
  it("fails without any flow", () => {
    const ledger = new Ledger({ run, permitQos0Loss: true, permitUnacknowledged: false, lateMsMax: 5_000 });
    expect(judge(ledger.tally(), ledger.incidents).passed).toBe(false);
  });

  it.each(everyQos)("fails when nothing was sent at QoS %i", (qos) => {
    expect(openBook(qos).verdict().problems).toEqual(["temperature: nothing was sent, so nothing is shown"]);
  });

  it("fails when nobody had subscribed", () => {
    const book = openBook(0, { readers: {} });
    book.send(5);
    expect(book.verdict().problems).toEqual(["temperature: nobody had subscribed, so nothing is shown"]);
  });

  it("fails when nothing arrived, even where all loss is permitted", () => {
    const book = openBook(0, { permitQos0Loss: true });
    book.send(5);
    expect(book.verdict().problems).toEqual(["temperature: nothing arrived"]);
  });

  it("fails when nothing was acknowledged, although that is permitted for single messages", () => {
    const book = openBook(1, { permitUnacknowledged: true });
    book.ledger.sending(topic, 0);
    book.arrive(1);
    expect(book.verdict().problems).toEqual(["temperature: nothing was acknowledged, so nothing is shown"]);
  });

  it("fails when it is about waiting and nothing had to wait", () => {
    const book = openBook(1);
    book.send(1);
    book.arrive(1);
    const { ledger } = book;
    expect(judge(ledger.tally(), ledger.incidents, { waiting: true }).problems).toEqual([
      expect.stringContaining("no message waited"),
    ]);
  });

  it("fails when one flow among others carried nothing", () => {
    const book = openBook(0);
    book.ledger.open({ flow: "press", sender: "button", topic: "home/button/press", qos: 1 });
    book.send(1);
    book.arrive(1);
    expect(book.verdict().problems).toEqual(["press: nothing was sent, so nothing is shown"]);
  });
});
