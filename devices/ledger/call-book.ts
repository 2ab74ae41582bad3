import type { Absences } from "./absences.ts";
import type { Stream } from "./stream.ts";

/** What a caller got. */
export type Answer = {
  caller: string;
  topic: string;
  correlation: string | undefined;
  /** Who answered, and what it makes of the call. */
  responder: string;
  text: string;
  dup: boolean;
  atMs: number;
};

/** One call, and what became of it. */
export type Call = {
  stream: Stream;
  sequence: number;
  /** What the right answer says. */
  expected: string;
  answers: Answer[];
  /** Answers that say something else, or come from somebody else. */
  wrong: number;
  latencyMs: number | undefined;
};

/** The calls of a run, found again by the topic that the answer comes on and its correlation data. */
export class CallBook {
  readonly absences: Absences;
  readonly lateMsMax: number;
  readonly calls: Call[] = [];
  /** Answers to no call of this caller, with an example. */
  foreign = 0;
  firstFault: string | undefined;
  readonly #byKey = new Map<string, Call>();

  constructor(absences: Absences, lateMsMax: number) {
    this.absences = absences;
    this.lateMsMax = lateMsMax;
  }

  /** Was one of the two away, or was the gateway killed, between the call and `untilMs`? */
  wasInterrupted({ stream, sequence }: Call, untilMs: number): boolean {
    const { absences } = this;
    const sentAtMs = stream.sentAtMs(sequence);
    const responder = stream.plan.call?.responder;
    const names = responder === undefined ? [stream.sender] : [stream.sender, responder];
    return (
      absences.gatewayDiedWithin(sentAtMs, untilMs) || names.some((name) => absences.overlaps(name, sentAtMs, untilMs))
    );
  }

  /** How many calls have no answer, and perhaps will not get one, because they were interrupted. */
  get interrupted(): number {
    const isInterrupted = (call: Call) =>
      call.answers.length === 0 && isToBeAnswered(call) && this.wasInterrupted(call, Number.POSITIVE_INFINITY);
    return this.calls.filter(isInterrupted).length;
  }

  /** `correlation` in hexadecimal. Says whether an answer is to be awaited. */
  called(stream: Stream, sequence: number, correlation: string, expected: string): boolean {
    const call: Call = { stream, sequence, expected, answers: [], wrong: 0, latencyMs: undefined };
    this.calls.push(call);
    this.#byKey.set(keyOf(stream.sender, stream.plan.responseTopic, correlation), call);
    return isToBeAnswered(call);
  }

  /** Says whether it is the first right answer to a call that one is awaited for. */
  answered(answer: Answer): boolean {
    const call = this.#byKey.get(keyOf(answer.caller, answer.topic, answer.correlation));
    if (call === undefined) {
      this.foreign++;
      this.firstFault ??= `${answer.caller} got an answer to no call of its own from ${answer.responder}`;
      return false;
    }
    if (answer.text !== call.expected || answer.responder !== call.stream.plan.call?.responder) {
      call.wrong++;
      this.firstFault ??= `${answer.caller} got a wrong answer to number ${call.sequence} of ${call.stream.topic}`;
      return false;
    }
    call.answers.push(answer);
    if (call.answers.length > 1) return false;
    call.latencyMs = answer.atMs - call.stream.sentAtMs(call.sequence);
    return isToBeAnswered(call);
  }
}

export function isToBeAnswered({ stream }: Call): boolean {
  const { call } = stream.plan;
  return call?.responder !== undefined && !call.silent;
}

function keyOf(caller: string, topic: string | undefined, correlation: string | undefined): string {
  return `${caller} ${correlation} ${topic}`;
}
