import { Admission } from "../device/admission.ts";
import { Backlog, type BacklogOwner } from "../device/backlog.ts";
import type { DeviceContext } from "../device/device-context.ts";
import type { OutboundBacklog } from "../device/outbound-backlog.ts";
import type { OutgoingRecord } from "../device/outgoing-record.ts";
import type { TopicClass } from "../device/topic-classes.ts";
import type { Message } from "../store/message.ts";
import type { BridgeRule } from "./bridge-settings.ts";
import { OutageLine, type OutagePolicy } from "./outage-line.ts";
import type { TopicMapping } from "./topic-mapping.ts";

type MailboxSettings = OutagePolicy & Pick<BridgeRule, "messagesMax" | "bytesMax" | "whenFull" | "timeToLiveSeconds">;

/** What waits under one rule. */
export interface RuleMailbox {
  readonly line: OutageLine;
  readonly backlog: Backlog;
}

export interface RuleMailboxesParts {
  readonly rules: readonly BridgeRule[];
  readonly mapping: TopicMapping;
  readonly context: DeviceContext;
  readonly owner: BacklogOwner;
  readonly record: OutgoingRecord;
  readonly certain: () => void;
  /** A newer value has taken the place of one that waited. */
  readonly superseded: (message: Message) => void;
}

/** Of what no rule matches: it waits for as long as it takes. */
const stranded: MailboxSettings = {
  outage: "oldest-first",
  liveSharePercent: 50,
  keepTopicOrder: true,
  lastValue: false,
  messagesMax: Number.POSITIVE_INFINITY,
  bytesMax: Number.POSITIVE_INFINITY,
  whenFull: "reject-newest",
  timeToLiveSeconds: 0,
};

/**
 * What waits for one upstream: a mailbox for each rule, with limits of its own. By priority, and among equals in turn,
 * each sends one message after the other. What no rule matches any more waits apart, and is not sent.
 */
export class RuleMailboxes implements OutboundBacklog {
  /** In the order of the rules. */
  readonly ofRules: readonly RuleMailbox[];
  readonly #stranded: RuleMailbox;
  readonly #all: readonly RuleMailbox[];
  readonly #byPriority: readonly (readonly RuleMailbox[])[];
  /** Whose turn it is among those of each priority. */
  readonly #turns: number[];
  readonly #parts: RuleMailboxesParts;

  constructor(parts: RuleMailboxesParts) {
    const { rules } = parts;
    this.#parts = parts;
    this.ofRules = rules.map((rule) => this.#mailboxOf(rule));
    this.#stranded = this.#mailboxOf(stranded);
    this.#all = [...this.ofRules, this.#stranded];
    const priorities = [...new Set(rules.map(({ priority }) => priority))].sort((one, other) => other - one);
    this.#byPriority = priorities.map((each) => this.ofRules.filter((_, index) => rules[index]?.priority === each));
    this.#turns = priorities.map(() => 0);
  }

  /** Messages that may be sent. */
  get depth(): number {
    let depth = 0;
    for (const { line } of this.ofRules) depth += line.depth;
    return depth;
  }

  get bytes(): number {
    return this.#all.reduce((sum, { line }) => sum + line.bytes, 0);
  }

  /** Messages that no rule matches any more. */
  get stranded(): number {
    return this.#stranded.line.depth;
  }

  /** The message that has waited longest, of those that may be sent or of all. */
  get first(): Message | undefined {
    return oldestOf(this.#all);
  }

  get firstToSend(): Message | undefined {
    return oldestOf(this.ofRules);
  }

  /** Whether what comes is fresh: as long as the upstream is there. */
  set isLive(isLive: boolean) {
    for (const { line } of this.ofRules) line.isLive = isLive;
  }

  /** What waits goes before all that comes. */
  set isDraining(isDraining: boolean) {
    for (const { line } of this.ofRules) line.isDraining = isDraining;
  }

  put(message: Message): void {
    const { line, backlog } = this.#of(message);
    const superseded = line.supersededBy(message);
    if (superseded === undefined) return backlog.put(message);
    line.remove(superseded); // the room that it leaves is for the newer one
    backlog.put(message);
    if (line.supersededBy(message) !== message) return backlog.putBack([superseded]); // which was refused
    this.#parts.record.givenUp(superseded);
    this.#parts.superseded(superseded);
  }

  offer(message: Message): boolean {
    return this.#of(message).backlog.offer(message);
  }

  takeOver(message: Message): void {
    this.#of(message).backlog.takeOver(message);
  }

  next(isTaken: (packetId: number) => boolean): Message | undefined {
    for (const [index, mailboxes] of this.#byPriority.entries()) {
      const turn = this.#turns[index] as number;
      for (let i = 0; i < mailboxes.length; i++) {
        const at = (turn + i) % mailboxes.length;
        const { line, backlog } = mailboxes[at] as RuleMailbox;
        if (line.depth === 0) continue;
        const message = backlog.next(isTaken);
        if (message === undefined) continue;
        this.#turns[index] = at + 1;
        return message;
      }
    }
    return undefined;
  }

  refill(): void {
    for (const { backlog } of this.#all) backlog.refill();
  }

  refresh(): void {
    for (const { backlog } of this.#all) backlog.refresh();
  }

  putBefore(messages: readonly Message[]): void {
    this.putBack(messages);
  }

  restore(message: Message): void {
    const { line, backlog } = this.#of(message);
    const superseded = line.supersededBy(message);
    backlog.restore(message);
    if (superseded === undefined || !line.remove(superseded)) return;
    this.#parts.record.givenUp(superseded);
    this.#parts.superseded(superseded);
  }

  putBack(messages: readonly Message[]): void {
    const byMailbox = new Map<RuleMailbox, Message[]>();
    for (const message of messages) {
      const mailbox = this.#of(message);
      const some = byMailbox.get(mailbox);
      if (some === undefined) byMailbox.set(mailbox, [message]);
      else some.push(message);
    }
    for (const [{ backlog }, some] of byMailbox) backlog.putBack(some);
  }

  drain(): Message[] {
    return this.#all.flatMap(({ backlog }) => backlog.drain()).sort((one, other) => one.sequence - other.sequence);
  }

  takeOldest(max: number): Message[] {
    const taken: Message[] = [];
    for (const { backlog } of this.#all) {
      if (taken.length < max) taken.push(...backlog.takeOldest(max - taken.length));
    }
    return taken;
  }

  clear(): void {
    for (const { backlog } of this.#all) backlog.clear();
  }

  stop(): void {
    for (const { backlog } of this.#all) backlog.stop();
  }

  #of({ topic }: Message): RuleMailbox {
    const mapped = this.#parts.mapping.up(topic);
    return mapped === undefined ? this.#stranded : (this.ofRules[mapped.index] as RuleMailbox);
  }

  #mailboxOf(settings: MailboxSettings): RuleMailbox {
    const { context, owner, record, certain } = this.#parts;
    const line = new OutageLine(settings);
    const limits = {
      mailboxes: settings,
      get store() {
        return context.settings.store;
      },
    };
    const rules = {
      limits: settings,
      admission: new Admission(limits, new RuleClasses(context), context.broker.store.usage),
      timeToLiveSecondsOf: () => settings.timeToLiveSeconds,
    };
    return { line, backlog: new Backlog(owner, context, record, certain, rules, line) };
  }
}

/** Classes of topics limit what waits for bridges as for all others; what is done when there is no room, the rule says. */
class RuleClasses {
  readonly #context: DeviceContext;
  readonly #ofRule = new WeakMap<TopicClass, TopicClass>();

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  ofMessage(message: Parameters<DeviceContext["classes"]["ofMessage"]>[0]): TopicClass {
    const topicClass = this.#context.classes.ofMessage(message);
    let ofRule = this.#ofRule.get(topicClass);
    if (ofRule === undefined) {
      ofRule = Object.create(topicClass, { whenFull: { value: undefined } }) as TopicClass; // it changes with its original
      this.#ofRule.set(topicClass, ofRule);
    }
    return ofRule;
  }
}

function oldestOf(mailboxes: readonly RuleMailbox[]): Message | undefined {
  let oldest: Message | undefined;
  for (const { line } of mailboxes) {
    const first = line.oldest;
    if (first !== undefined && (oldest === undefined || first.sequence < oldest.sequence)) oldest = first;
  }
  return oldest;
}
