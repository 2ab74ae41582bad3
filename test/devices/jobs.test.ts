import { describe, expect, it } from "vitest";
import { openJobBook } from "./job-book.ts";

describe("the verdict on a queue", () => {
  it("passes when each job was settled once by the sum of the workers", () => {
    const book = openJobBook();
    book.send(3);
    book.work(1);
    book.work(2, { worker: "bob" });
    book.work(3);
    expect(book.verdict()).toMatchObject({ passed: true });
    expect(book.ledger.outstanding).toBe(0);
    expect(book.ledger.tallyJobs()[0]).toMatchObject({ jobs: 3, acknowledged: 3, settled: 3, deliveries: 3, lost: 0 });
  });

  it("fails when an acknowledged job was never settled, and names it", () => {
    const book = openJobBook();
    book.send(2);
    book.work(1);
    book.deliver(2);
    expect(book.ledger.outstanding).toBe(1);
    expect(book.verdict().problems).toEqual(["queue jobs: 1 acknowledged and never settled"]);
    expect(book.verdict().examples).toEqual([
      "no worker has settled number 2 of home/producer/job, which came 1 times",
    ]);
  });

  it("permits to lose what was never acknowledged, where the gateway is killed", () => {
    const book = openJobBook({}, { permitUnacknowledged: true });
    book.send(1);
    book.work(1);
    book.ledger.sending("home/producer/job", 5);
    expect(book.verdict().passed).toBe(true);
    expect(book.ledger.tallyJobs()[0]).toMatchObject({ lost: 1, lostPermitted: 1 });
  });

  it("holds QoS 0 to the promise of QoS 1, except where its producer was gone right after", () => {
    const book = openJobBook({ qos: 0 });
    book.send(1, 0);
    book.send(1, 9_000);
    book.away("producer", 9_500, 9_600);
    expect(book.ledger.tallyJobs()[0]).toMatchObject({ lost: 2, lostPermitted: 1 });
  });

  it("fails when a job comes once more and nothing explains it, settled or not", () => {
    const book = openJobBook();
    book.send(2);
    book.work(1, { atMs: 10 });
    book.work(1, { worker: "bob", atMs: 20, dup: true });
    book.deliver(2, { atMs: 10 });
    book.work(2, { worker: "bob", atMs: 20, dup: true });
    expect(book.verdict().problems).toEqual([
      "queue jobs: 1 settled twice without a reason",
      "queue jobs: 2 redelivered without a reason",
    ]);
  });

  it("fails when nothing was sent, and when no worker got anything", () => {
    const book = openJobBook();
    expect(book.verdict().problems).toContain("queue jobs: nothing was sent, so nothing is shown");
    book.send(1);
    expect(book.verdict().problems).toContain("queue jobs: no worker got anything");
  });

  it("takes a copy of a job for foreign that comes to a worker of another queue", () => {
    const book = openJobBook({ via: "$queue/others" });
    book.send(1);
    expect(() => book.deliver(1)).toThrow(TypeError);
    expect(book.verdict().problems).toEqual(expect.arrayContaining([expect.stringContaining("1 foreign")]));
  });

  it("sends by the name of a queue into that queue only, and to no subscriber", () => {
    const book = openJobBook({ via: "$queue/jobs" });
    book.send(1);
    book.work(1);
    expect(book.ledger.tally()[0]).toMatchObject({ expected: 0, queued: true });
    expect(book.verdict().passed).toBe(true);
  });
});

describe("a redelivery is explained by", () => {
  /** Settled by ada at 11 ms and by bob at 9,001, with what happened in between. */
  function settledTwice(befall: (book: ReturnType<typeof openJobBook>) => void, { settledAtMs = 11, dup = true } = {}) {
    const book = openJobBook();
    book.send(1);
    const first = book.deliver(1, { atMs: 10 });
    if (settledAtMs < 9_000) book.settle(first, settledAtMs);
    befall(book);
    book.work(1, { worker: "bob", atMs: 9_000, dup });
    if (settledAtMs >= 9_000) book.settle(first, settledAtMs);
    const [tally] = book.ledger.tallyJobs();
    return { tally: tally!, verdict: book.verdict() };
  }

  it("the end of the connection that the acknowledgement was on", () => {
    const { tally, verdict } = settledTwice((book) => book.away("ada", 12, 100));
    expect(tally).toMatchObject({ settledTwiceExplained: 1, redelivered: { disconnect: 1 } });
    expect(verdict.passed).toBe(true);
  });

  it("but not by one long after the acknowledgement, or of another worker, or before the delivery", () => {
    expect(settledTwice((book) => book.away("ada", 6_000, 6_100)).verdict.passed).toBe(false);
    expect(settledTwice((book) => book.away("eve", 12, 100)).verdict.passed).toBe(false);
    expect(settledTwice((book) => book.away("ada", 1, 9)).verdict.passed).toBe(false);
  });

  it("a kill of the gateway, then also without DUP", () => {
    const { tally, verdict } = settledTwice((book) => book.ledger.gatewayDied(500), { dup: false });
    expect(tally).toMatchObject({ settledTwiceExplained: 1, redelivered: { kill: 1 } });
    expect(verdict.passed).toBe(true);
  });

  it("the settle timeout, also when the first worker settles it after all", () => {
    const { tally, verdict } = settledTwice(() => {}, { settledAtMs: 10_000 });
    expect(tally).toMatchObject({ settledTwiceExplained: 1, redelivered: { timeout: 1 } });
    expect(verdict.passed).toBe(true);
  });

  it("but not by the settle timeout where it was settled in time", () => {
    const { tally } = settledTwice(() => {}, { settledAtMs: 1_000 });
    expect(tally).toMatchObject({ settledTwiceUnexplained: 1, redelivered: { unexplained: 1 } });
  });

  it("a rejection", () => {
    const book = openJobBook();
    book.send(1);
    book.ledger.rejected(book.deliver(1, { atMs: 10 }), 11);
    book.work(1, { worker: "bob", atMs: 20, dup: true });
    expect(book.verdict().passed).toBe(true);
    expect(book.ledger.tallyJobs()[0]).toMatchObject({ settled: 1, redelivered: { rejection: 1 } });
  });

  it("its producer, which came back and sent it again: that is another job to the queue, without DUP", () => {
    const { tally, verdict } = settledTwice((book) => book.away("producer", 20, 30), { dup: false });
    expect(tally).toMatchObject({ settledTwiceExplained: 1, redelivered: { sentAgain: 1 } });
    expect(verdict.passed).toBe(true);
  });

  it("what befell the delivery before it, and not one long past", () => {
    const book = openJobBook();
    book.send(1);
    book.deliver(1, { atMs: 10 });
    book.away("ada", 20, 30);
    book.deliver(1, { worker: "bob", atMs: 40, dup: true });
    book.work(1, { worker: "eve", atMs: 50, dup: true });
    expect(book.ledger.tallyJobs()[0]).toMatchObject({ redelivered: { disconnect: 1, unexplained: 1 } });
  });
});

describe("DUP and delivery-count", () => {
  it("must be on a redelivery", () => {
    const book = openJobBook();
    book.send(1);
    book.deliver(1, { atMs: 10 });
    book.away("ada", 20, 30);
    book.work(1, { worker: "bob", atMs: 40 });
    expect(book.verdict().problems).toEqual(["queue jobs: 1 redelivered without DUP"]);
  });

  it("count the deliveries, and other properties come unaltered", () => {
    const book = openJobBook({ version: 5 });
    book.send(1);
    book.deliver(1, { atMs: 10, count: 1 });
    book.away("ada", 20, 30);
    book.work(1, { worker: "bob", atMs: 40, dup: true, count: 2 });
    expect(book.verdict().passed).toBe(true);
  });

  it.each([
    ["too low", { dup: false, count: 1 }, ["1 redelivered without DUP", "1 with a wrong delivery-count"]],
    ["without the other", { dup: true, count: 1 }, ["1 with a wrong delivery-count"]],
    ["no number", { dup: true, count: "two" }, ["1 with a wrong delivery-count"]],
  ])("may not be %s", (_, marks, problems) => {
    const book = openJobBook();
    book.send(1);
    book.deliver(1, { atMs: 10, count: 1 });
    book.away("ada", 20, 30);
    book.work(1, { worker: "bob", atMs: 40, ...marks });
    expect(book.verdict().problems).toEqual(problems.map((problem) => `queue jobs: ${problem}`));
  });

  it("may count deliveries that nobody has seen only if a worker was gone", () => {
    const book = openJobBook();
    book.send(2);
    book.work(1, { atMs: 10, dup: true, count: 3 });
    book.away("eve", 20, 30);
    book.work(2, { atMs: 40, dup: true, count: 2 });
    expect(book.ledger.tallyJobs()[0]).toMatchObject({ miscounted: 1 });
  });
});

describe("a queue by key", () => {
  const [first, second] = ["home/producer/k1", "home/producer/k2"];
  const openKeyed = () => openJobBook({}, { settleTimeoutMs: 0, keyTopicLevel: 3 });
  type Keyed = ReturnType<typeof openKeyed>;

  function deal(book: Keyed, deliveries: [sequence: number, worker: string, atMs: number, on?: string][]) {
    const seen = new Set<string>();
    for (const [sequence, worker, atMs, on = first] of deliveries) {
      const dup = seen.has(`${on} ${sequence}`);
      seen.add(`${on} ${sequence}`);
      book.deliver(sequence, { worker, atMs, dup }, on);
    }
    const [{ outOfOrder, strayed } = { outOfOrder: -1, strayed: -1 }] = book.ledger.tallyJobs();
    return { outOfOrder, strayed };
  }

  it("keeps each key with its worker, in order", () => {
    const book = openKeyed();
    book.send(2, 0, first);
    book.send(2, 0, second);
    const deliveries: Parameters<typeof deal>[1] = [
      [1, "ada", 10],
      [1, "bob", 10, second],
      [2, "bob", 11, second],
      [2, "ada", 12],
    ];
    expect(deal(book, deliveries)).toEqual({ outOfOrder: 0, strayed: 0 });
  });

  it("may not give a key to another worker while the first is there, nor let a job overtake another", () => {
    const book = openKeyed();
    book.send(3, 0, first);
    expect(
      deal(book, [
        [1, "ada", 10],
        [3, "bob", 11],
        [2, "bob", 12],
      ]),
    ).toEqual({ outOfOrder: 1, strayed: 1 });
    expect(book.verdict().problems).toEqual(
      expect.arrayContaining([expect.stringContaining("out of the order of their key")]),
    );
  });

  it("passes a key on when its worker leaves, with what that had in hand first", () => {
    const book = openKeyed();
    book.send(4, 0, first);
    for (const [sequence, atMs] of [
      [1, 10],
      [2, 11],
      [3, 12],
    ] as const) {
      book.deliver(sequence, { worker: "ada", atMs }, first);
    }
    book.away("ada", 20, 30);
    const deliveries: Parameters<typeof deal>[1] = [
      [2, "bob", 21],
      [3, "bob", 22],
      [4, "bob", 23],
    ];
    expect(deal(book, deliveries)).toEqual({ outOfOrder: 0, strayed: 0 });
  });

  it("may not let a returned job come after the later ones", () => {
    const book = openKeyed();
    book.send(3, 0, first);
    book.deliver(1, { worker: "ada", atMs: 10 }, first);
    book.deliver(2, { worker: "ada", atMs: 11 }, first);
    book.away("ada", 20, 30);
    expect(
      deal(book, [
        [3, "bob", 21],
        [1, "bob", 22],
        [2, "bob", 23],
      ]),
    ).toMatchObject({ outOfOrder: 2 });
  });

  it("finds the key of MQTT 5 in the user property, across topics", () => {
    const book = openJobBook(
      { version: 5, userProperties: [["key", "shared"]] },
      { settleTimeoutMs: 0, keyTopicLevel: 3 },
    );
    book.send(1, 0, first);
    book.send(1, 0, second);
    expect(
      deal(book, [
        [1, "ada", 10],
        [1, "bob", 11, second],
      ]),
    ).toEqual({ outOfOrder: 0, strayed: 1 });
  });
});
