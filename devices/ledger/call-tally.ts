import { type Call, type CallBook, isToBeAnswered } from "./call-book.ts";
import { percentile } from "./percentile.ts";

/** One row of the report's table of calls. */
export type CallTally = {
  service: string;
  calls: number;
  answered: number;
  /** Calls that nobody is there for, whose caller was told so by 0x10. */
  nobody: number;
  /** Calls without an answer whose responder never gives one, or was away, or whose gateway was killed. */
  failedHonestly: number;
  /** Calls without an answer, and nothing explains it. */
  unanswered: number;
  wrong: number;
  foreign: number;
  answeredTwice: number;
  /** Of these, the ones that follow from a redelivery that QoS 1 permits. */
  answeredTwicePermitted: number;
  late: number;
  latencyMsP50: number | undefined;
  latencyMsP99: number | undefined;
  examples: string[];
};

const examplesMax = 3;

export function tallyCalls(book: CallBook): CallTally[] {
  const services = new Map<string, Call[]>();
  for (const call of book.calls) {
    const calls = services.get(call.stream.flow);
    if (calls === undefined) services.set(call.stream.flow, [call]);
    else calls.push(call);
  }
  const tallies = [...services].map(([service, calls]) => tallyService(book, service, calls));
  if (tallies[0] !== undefined) {
    // Nobody can say to which of them these belong.
    tallies[0].foreign = book.foreign;
    if (book.firstFault !== undefined) tallies[0].examples.unshift(book.firstFault);
  }
  return tallies;
}

function tallyService(book: CallBook, service: string, calls: readonly Call[]): CallTally {
  const latenciesMs: number[] = [];
  const tally: CallTally = {
    service,
    calls: calls.length,
    answered: 0,
    nobody: 0,
    failedHonestly: 0,
    unanswered: 0,
    wrong: 0,
    foreign: 0,
    answeredTwice: 0,
    answeredTwicePermitted: 0,
    late: 0,
    latencyMsP50: undefined,
    latencyMsP99: undefined,
    examples: [],
  };
  for (const call of calls) {
    tally.wrong += call.wrong;
    if (call.answers.length === 0) addUnanswered(tally, book, call);
    else addAnswered(tally, book, call);
    if (call.latencyMs !== undefined) latenciesMs.push(call.latencyMs);
  }
  latenciesMs.sort((a, b) => a - b);
  tally.latencyMsP50 = percentile(latenciesMs, 50);
  tally.latencyMsP99 = percentile(latenciesMs, 99);
  return tally;
}

function addAnswered(tally: CallTally, book: CallBook, call: Call): void {
  const { stream, sequence, answers, latencyMs = 0 } = call;
  const sentAtMs = stream.sentAtMs(sequence);
  if (!isToBeAnswered(call)) {
    tally.wrong++;
    example(tally, `number ${sequence} of ${stream.topic} was answered, and nobody was to answer it`);
  }
  tally.answered++;
  if (latencyMs > book.lateMsMax && !book.wasInterrupted(call, sentAtMs + latencyMs)) {
    tally.late++;
    example(tally, `the answer to number ${sequence} of ${stream.topic} took ${latencyMs.toFixed(0)} ms`);
  }
  for (const { atMs } of answers.slice(1)) {
    tally.answeredTwice++;
    if (book.wasInterrupted(call, atMs)) tally.answeredTwicePermitted++;
    else example(tally, `number ${sequence} of ${stream.topic} was answered twice`);
  }
}

function addUnanswered(tally: CallTally, book: CallBook, call: Call): void {
  const { stream, sequence } = call;
  const { responder, silent } = stream.plan.call!;
  if (responder === undefined) {
    // Whether its caller was told so is a matter of the flow.
    tally.nobody++;
    return;
  }
  if (silent || book.wasInterrupted(call, stream.sentAtMs(sequence) + book.lateMsMax)) {
    tally.failedHonestly++;
    if (!silent) example(tally, `number ${sequence} of ${stream.topic} was interrupted and never answered`);
    return;
  }
  tally.unanswered++;
  example(tally, `${stream.sender} got no answer to number ${sequence} of ${stream.topic}`);
}

function example(tally: CallTally, text: string): void {
  if (tally.examples.length < examplesMax) tally.examples.push(text);
}
