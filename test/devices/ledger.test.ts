import { describe, expect, it } from "vitest";
import { Ledger } from "../../devices/ledger/ledger.ts";
import { openBook, topic } from "./book.ts";

describe("what MQTT permits around a reconnect", () => {
  it("permits a QoS 1 duplicate with DUP to a receiver that was away in between [MQTT-4.4.0-1]", () => {
    const book = openBook(1);
    book.send(2);
    book.arrive(1, { atMs: 10 });
    book.arrive(2, { atMs: 11 });
    book.ledger.left("reader", 20);
    book.ledger.returned("reader", 30);
    book.arrive(1, { atMs: 31, dup: true });
    book.arrive(2, { atMs: 32, dup: true });
    expect(book.ledger.tally()[0]).toMatchObject({ received: 2, duplicated: 2, duplicatedPermitted: 2, reordered: 0 });
    expect(book.verdict().passed).toBe(true);
  });

  it("does not permit it without DUP [MQTT-3.3.1-1]", () => {
    const book = openBook(1);
    book.send(1);
    book.arrive(1, { atMs: 10 });
    book.ledger.left("reader", 20);
    book.ledger.returned("reader", 30);
    book.arrive(1, { atMs: 31 });
    expect(book.verdict().passed).toBe(false);
  });

  it("does not permit it to a receiver that was away before the first arrival only", () => {
    const book = openBook(1);
    book.send(1);
    book.ledger.left("reader", 2);
    book.ledger.returned("reader", 5);
    book.arrive(1, { atMs: 10, dup: true });
    book.arrive(1, { atMs: 11, dup: true });
    expect(book.verdict().passed).toBe(false);
  });

  it("permits it without DUP when the gateway was killed in between, because then it cannot know what it had sent", () => {
    const book = openBook(1);
    book.send(1);
    book.arrive(1, { atMs: 10 });
    book.ledger.gatewayDied(20);
    book.ledger.left("reader", 21);
    book.ledger.returned("reader", 30);
    book.arrive(1, { atMs: 31 });
    expect(book.verdict().passed).toBe(true);
  });

  it("does not permit a QoS 2 duplicate because the gateway was killed", () => {
    const book = openBook(2);
    book.send(1);
    book.arrive(1, { atMs: 10 });
    book.ledger.gatewayDied(20);
    for (const name of ["sensor", "reader"]) {
      book.ledger.left(name, 21);
      book.ledger.returned(name, 30);
    }
    book.arrive(1, { atMs: 31, dup: true });
    expect(book.verdict().problems).toEqual(["temperature: 1 duplicated"]);
  });

  it("permits a QoS 1 duplicate without DUP when its publisher returned and sent it again", () => {
    const book = openBook(1);
    book.send(1);
    book.arrive(1, { atMs: 10 });
    book.ledger.left("sensor", 12);
    book.ledger.returned("sensor", 20);
    book.arrive(1, { atMs: 21 });
    expect(book.verdict().passed).toBe(true);
  });

  it("does not permit it when the publisher was away before it sent the message", () => {
    const book = openBook(1);
    book.ledger.left("sensor", 0);
    book.ledger.returned("sensor", 5);
    book.send(1, 6);
    book.arrive(1, { atMs: 10 });
    book.arrive(1, { atMs: 11 });
    expect(book.verdict().passed).toBe(false);
  });

  it.each([0, 2] as const)("never permits a duplicate at QoS %i", (qos) => {
    const book = openBook(qos);
    book.send(1);
    book.arrive(1, { atMs: 10 });
    for (const name of ["sensor", "reader"]) {
      book.ledger.left(name, 11);
      book.ledger.returned(name, 12);
    }
    book.arrive(1, { atMs: 20, dup: true });
    expect(book.verdict().problems).toEqual(["temperature: 1 duplicated"]);
  });

  it("holds a QoS 2 publisher to exactly once towards a QoS 1 receiver that stayed", () => {
    const book = openBook(2, { readers: { reader: 1 } });
    book.send(1);
    book.arrive(1, { atMs: 10 });
    book.ledger.left("sensor", 11);
    book.ledger.returned("sensor", 12);
    book.arrive(1, { atMs: 20 });
    expect(book.verdict().passed).toBe(false);
  });

  it.each([1, 2] as const)("never permits loss at QoS %i, also to a receiver that was away", (qos) => {
    const book = openBook(qos);
    book.ledger.left("reader", 0);
    book.send(2, 1);
    book.ledger.returned("reader", 10);
    book.arrive(2);
    expect(book.verdict().problems).toEqual(["temperature: 1 lost"]);
  });

  it.each(["reader", "sensor"])("permits QoS 0 loss while the %s was away, and only then", (name) => {
    const book = openBook(0);
    book.send(1, 0);
    book.ledger.left(name, 5_000);
    book.send(1, 5_001);
    book.ledger.returned(name, 5_010);
    book.send(1, 5_011);
    book.arrive(3, { atMs: 5_012 });
    expect(book.ledger.tally()[0]).toMatchObject({ lost: 2, lostPermitted: 1 });
    expect(book.verdict().problems).toEqual(["temperature: 1 lost"]);
  });

  it("permits QoS 0 loss altogether when asked to, but not at QoS 1", () => {
    const readers = { reader: 0, careful: 1 } as const;
    const book = openBook(1, { permitQos0Loss: true, readers });
    book.send(2);
    book.arrive(1);
    book.arrive(1, { receiver: "careful" });
    expect(book.ledger.tally()[0]).toMatchObject({ lost: 2, lostPermitted: 1 });
    expect(book.verdict().passed).toBe(false);
  });

  it("does not take a redelivered stretch for reordering: 1 2 3 2 3 4 is in order", () => {
    const book = openBook(1);
    book.send(4);
    for (const sequence of [1, 2, 3]) book.arrive(sequence, { atMs: 10 });
    book.ledger.left("reader", 11);
    book.ledger.returned("reader", 12);
    for (const sequence of [2, 3]) book.arrive(sequence, { atMs: 20, dup: true });
    book.arrive(4, { atMs: 21 });
    expect(book.verdict().passed).toBe(true);
  });

  it("notices a new message that overtakes the redelivered ones", () => {
    const book = openBook(1);
    book.send(3);
    book.arrive(1, { atMs: 10 });
    book.ledger.left("reader", 11);
    book.ledger.returned("reader", 12);
    book.arrive(3, { atMs: 20 });
    book.arrive(2, { atMs: 21, dup: true });
    expect(book.verdict().problems).toEqual(["temperature: 1 out of order"]);
  });

  it("counts the wait for a receiver that was away from its return", () => {
    const book = openBook(1, { lateMsMax: 50 });
    book.ledger.left("reader", 0);
    book.send(1, 1);
    book.ledger.returned("reader", 1_000);
    book.arrive(1, { atMs: 1_010 });
    expect(book.ledger.tally()[0]).toMatchObject({ latencyMsP50: 10, late: 0 });
  });
});

describe("what waits in mailboxes", () => {
  it("is counted when it arrives", () => {
    const book = openBook(1);
    book.send(1, 0);
    book.ledger.left("reader", 10);
    book.send(2, 20);
    book.ledger.returned("reader", 30);
    book.send(1, 40);
    for (const sequence of [1, 2, 3, 4]) book.arrive(sequence);
    expect(book.ledger.tally()[0]).toMatchObject({ received: 4, waited: 2 });
  });

  it("counts an absence once, although a return broke off", () => {
    const book = openBook(1);
    book.ledger.left("reader", 0);
    book.ledger.left("reader", 1);
    book.ledger.returned("reader", 2);
    book.send(1, 3);
    book.arrive(1);
    expect(book.ledger.tally()[0]).toMatchObject({ waited: 0 });
  });

  it("may be lost if it was never acknowledged, where that is permitted", () => {
    const book = openBook(1, { permitUnacknowledged: true });
    book.send(1);
    book.ledger.sending(topic, 1);
    book.arrive(1);
    expect(book.ledger.tally()[0]).toMatchObject({ acknowledged: 1, unacknowledged: 1, lost: 1, lostPermitted: 1 });
    expect(book.verdict().passed).toBe(true);
  });

  it("may not be lost if it was acknowledged, whatever else was not", () => {
    const book = openBook(2, { permitUnacknowledged: true });
    book.ledger.sending(topic, 0);
    book.send(1, 1);
    book.arrive(1);
    expect(book.verdict().problems).toEqual(["temperature: 1 lost"]);
    expect(book.verdict().examples).toEqual([`reader never got number 2 of sensor on ${topic}`]);
  });

  it("must be all gone when its device has finished", () => {
    const book = openBook(1);
    book.send(1, 0);
    book.arrive(1, { atMs: 10 });
    book.ledger.left("reader", 20);
    book.ledger.finished("reader");
    book.ledger.returned("reader", 30);
    book.arrive(1, { atMs: 31, dup: true });
    expect(book.verdict().problems).toEqual([expect.stringContaining("a mailbox was not empty")]);
  });
});

describe("the ledger", () => {
  it("knows how many arrivals and acknowledgements are still to come", () => {
    const book = openBook(1, { readers: { reader: 1, other: 1 } });
    book.ledger.sending(topic, 0);
    expect([book.ledger.outstanding, book.ledger.unacknowledged]).toEqual([2, 1]);
    book.ledger.acknowledged(topic, 1, 1);
    book.ledger.acknowledged(topic, 1, 1);
    book.arrive(1);
    book.arrive(1);
    expect([book.ledger.outstanding, book.ledger.unacknowledged]).toEqual([1, 0]);
    book.arrive(1, { receiver: "other" });
    expect(book.ledger.outstanding).toBe(0);
  });

  it("expects one copy for overlapping subscriptions, at the highest granted QoS [MQTT-3.3.5-1]", () => {
    const ledger = new Ledger({ run: "run-1", permitQos0Loss: true, permitUnacknowledged: false, lateMsMax: 5_000 });
    ledger.subscribed("reader", "home/#", 0);
    ledger.subscribed("reader", "home/+/temperature", 1);
    ledger.open({ flow: "temperature", sender: "sensor", topic, qos: 2 });
    ledger.sending(topic, 0);
    // Loss is permitted at QoS 0 here, so a loss that counts shows that QoS 1 was expected.
    expect(ledger.tally()[0]).toMatchObject({ expected: 1, lost: 1, lostPermitted: 0 });
  });

  it("refuses a subscription after streams were opened, because nobody could say what it must receive", () => {
    const { ledger } = openBook(0);
    expect(() => ledger.subscribed("newcomer", "home/#", 0)).toThrow(/after streams were opened/);
  });

  it("measures latencies to the first arrival", () => {
    const book = openBook(0);
    book.send(100, 0);
    for (let sequence = 1; sequence <= 100; sequence++) book.arrive(sequence, { atMs: sequence - 1 + sequence });
    expect(book.ledger.tally()[0]).toMatchObject({ latencyMsP50: 50, latencyMsP99: 99 });
  });

  it("refuses a second stream on a topic, and sending where none is open", () => {
    const { ledger } = openBook(0);
    expect(() => ledger.open({ flow: "x", sender: "x", topic, qos: 0 })).toThrow(/two streams/);
    expect(() => ledger.sending("home/nowhere", 0)).toThrow(/nothing was opened/);
  });

  it("takes topics named like prototypes for ordinary ones", () => {
    const { ledger } = openBook(0);
    for (const name of ["__proto__", "constructor"]) {
      ledger.open({ flow: name, sender: name, topic: name, qos: 0 });
      expect(ledger.sending(name, 0)).toBe(1);
    }
    expect(ledger.tally().map(({ flow }) => flow)).toEqual(["temperature", "__proto__", "constructor"]);
  });
});
