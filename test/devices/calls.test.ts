import { describe, expect, it } from "vitest";
import { answerTo } from "../../devices/ledger/answer-to.ts";
import { Ledger } from "../../devices/ledger/ledger.ts";
import type { CallPlan, StreamPlan } from "../../devices/ledger/stream.ts";
import { judge } from "../../devices/ledger/verdict.ts";
import { messageProperties } from "../../devices/version5/message-properties.ts";
import { run } from "./book.ts";

const topic = "home/kettle/call";
const responseTopic = "$reply/run-1-caller/kettle";
const call = Buffer.from("boil");

type Reply = { sequence?: number; text?: string; sender?: string; on?: string; atMs?: number; correlation?: Buffer };

/** A caller and a kettle; the caller has called once, at 0 ms, and the call has arrived. */
function openCalls(plan: CallPlan = { responder: "kettle" }, { reachesNobody = false } = {}) {
  const limits = { permitQos0Loss: false, permitUnacknowledged: false, lateMsMax: 5_000 };
  const ledger = new Ledger({ run, ...limits });
  if (!reachesNobody) ledger.subscribed("kettle", "$request/+/home/kettle/#", 1);
  const sender = "caller";
  const stream: StreamPlan = {
    flow: "call",
    sender,
    topic,
    qos: 1,
    version: 5,
    responseTopic,
    call: plan,
    reachesNobody,
  };
  ledger.open(stream);
  const sequence = ledger.sending(topic, 0);
  ledger.calling(topic, sequence, call);
  const stamp = { run, sender, topic, sequence, sentAtMs: 0 };
  if (!reachesNobody) {
    ledger.arrived({ receiver: "kettle", topic, decoded: { stamp, body: call }, dup: false, atMs: 1 });
  }
  return {
    ledger,
    acknowledge: (reasonCode: number) => ledger.acknowledged(topic, sequence, 1, reasonCode),
    answer({
      text = answerTo(call),
      sender: responder = "kettle",
      on = responseTopic,
      atMs = 10,
      correlation,
    }: Reply = {}) {
      const { correlationData } = messageProperties(stamp, stream);
      const properties = {
        payloadFormat: undefined,
        expirySeconds: undefined,
        contentType: undefined,
        responseTopic: undefined,
        correlationData: correlation ?? correlationData,
        subscriptionIdentifiers: [],
        userProperties: [],
      };
      const answerStamp = { run, sender: responder, topic: on, sequence: 1, sentAtMs: 0 };
      const decoded = { stamp: answerStamp, body: Buffer.from(text) };
      ledger.answered({ receiver: sender, topic: on, decoded, dup: false, atMs, properties });
    },
    problems: () => judge(ledger.tally(), ledger.incidents, undefined, { calls: ledger.tallyCalls() }).problems,
  };
}

describe("the verdict on calls", () => {
  it("passes when each was answered once by the right answer", () => {
    const book = openCalls();
    book.acknowledge(0);
    expect(book.ledger.outstanding).toBe(1);
    book.answer();
    expect(book.ledger.outstanding).toBe(0);
    expect(book.problems()).toEqual([]);
    expect(book.ledger.tallyCalls()[0]).toMatchObject({ calls: 1, answered: 1, latencyMsP50: 10 });
  });

  it.each([
    ["never answered", undefined, "1 never answered"],
    ["answered with something else", { text: "tea" }, "1 answered wrongly"],
    ["answered by somebody else", { sender: "teapot" }, "1 answered wrongly"],
    ["answered to another call", { correlation: Buffer.from([1]) }, "1 answers to no call"],
    ["answered on another topic", { on: "$reply/run-1-caller/else" }, "1 answers to no call"],
    ["answered late", { atMs: 5_001 }, "1 answered late"],
  ])("fails when one was %s", (_, reply: Reply | undefined, problem) => {
    const book = openCalls();
    book.acknowledge(0);
    if (reply !== undefined) book.answer(reply);
    expect(book.problems()).toEqual(expect.arrayContaining([expect.stringContaining(`calls call: ${problem}`)]));
  });

  it("fails when one was answered twice, unless one of the two was away in between", () => {
    const book = openCalls();
    book.acknowledge(0);
    book.answer();
    book.answer({ atMs: 20 });
    expect(book.problems()).toEqual(["calls call: 1 answered twice"]);
    book.ledger.left("kettle", 15);
    expect(book.problems()).toEqual([]);
  });

  it.each([
    ["its responder was away", (ledger: Ledger) => ledger.left("kettle", 5)],
    ["the gateway was killed", (ledger: Ledger) => ledger.gatewayDied(5)],
  ])("takes it for an honest failure when %s", (_, befall) => {
    const book = openCalls();
    book.acknowledge(0);
    befall(book.ledger);
    expect(book.problems()).toEqual([]);
    expect(book.ledger.tallyCalls()[0]).toMatchObject({ answered: 0, failedHonestly: 1 });
  });

  it("awaits no answer from who never answers, and fails when one comes", () => {
    const book = openCalls({ responder: "kettle", silent: true });
    book.acknowledge(0);
    expect(book.ledger.outstanding).toBe(0);
    expect(book.problems()).toEqual([]);
    book.answer();
    expect(book.problems()).toEqual(["calls call: 1 answered wrongly"]);
  });

  it("wants a caller to be told at once that nobody is there", () => {
    const told = openCalls({ responder: undefined }, { reachesNobody: true });
    told.acknowledge(0x10);
    expect(told.problems()).toEqual([]);
    expect(told.ledger.tallyCalls()[0]).toMatchObject({ nobody: 1 });
    const untold = openCalls({ responder: undefined }, { reachesNobody: true });
    untold.acknowledge(0);
    expect(untold.problems()).toEqual([expect.stringContaining("0x10")]);
  });

  it("wants nobody to be told so who reaches somebody", () => {
    const book = openCalls();
    book.acknowledge(0x10);
    book.answer();
    expect(book.problems()).toEqual([expect.stringContaining("0x10")]);
  });
});
