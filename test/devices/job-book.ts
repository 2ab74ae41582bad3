import type { Handed, QueuePlan } from "../../devices/ledger/job-book.ts";
import { Ledger, type LedgerOptions } from "../../devices/ledger/ledger.ts";
import type { StreamPlan } from "../../devices/ledger/stream.ts";
import { judge, type Verdict } from "../../devices/ledger/verdict.ts";
import { messageProperties, type UserProperty } from "../../devices/version5/message-properties.ts";
import { run } from "./book.ts";

export const topic = "home/producer/job";

type Delivery = {
  worker?: string;
  atMs?: number;
  dup?: boolean;
  /** For a worker with MQTT 5. */
  count?: number | string;
};

/** A queue with one producer and three workers, and short words for what happens between them. */
export type JobBook = {
  ledger: Ledger;
  /** Sends so many jobs, one per millisecond from `fromMs`, all acknowledged. */
  send(count: number, fromMs?: number, on?: string): void;
  deliver(sequence: number, delivery?: Delivery, on?: string): Handed;
  settle(handed: Handed, atMs: number): void;
  /** Delivers and settles. */
  work(sequence: number, delivery?: Delivery): void;
  away(name: string, fromMs: number, toMs: number): void;
  verdict(): Verdict;
};

export const workers = ["ada", "bob", "eve"];

export function openJobBook(
  plan: Partial<StreamPlan> = {},
  { settleTimeoutMs = 3_000, keyTopicLevel, ...options }: Partial<QueuePlan & LedgerOptions> = {},
): JobBook {
  const limits = { permitQos0Loss: false, permitUnacknowledged: false, lateMsMax: 5_000 };
  const ledger = new Ledger({ run, ...limits, ...options });
  const key = keyTopicLevel === undefined ? {} : { keyTopicLevel };
  ledger.queue({ name: "jobs", title: "jobs", topics: ["home/#"], settleTimeoutMs, ...key });
  for (const worker of workers) ledger.subscribed(worker, "$queue/jobs", 1);
  const streams = new Map<string, StreamPlan>();
  const openStream = (on: string) => {
    if (streams.has(on)) return;
    const stream: StreamPlan = { flow: "job", sender: "producer", qos: 1, ...plan, topic: on };
    streams.set(on, stream);
    ledger.open(stream);
  };
  openStream(topic);
  return {
    ledger,
    send(count, fromMs = 0, on = topic) {
      openStream(on);
      for (let index = 0; index < count; index++) {
        ledger.acknowledged(on, ledger.sending(on, fromMs + index), fromMs + index);
      }
    },
    deliver(sequence, { worker = "ada", atMs = 100, dup = false, count } = {}, on = topic) {
      const stamp = { run, sender: "producer", topic: on, sequence, sentAtMs: 0 };
      const decoded = { stamp, body: Buffer.alloc(0) };
      const said = { receiver: worker, topic: on, decoded, dup, atMs };
      const properties = count === undefined ? undefined : propertiesOf(stamp, streams.get(on)!, count);
      const handed = ledger.arrived({ ...said, properties });
      if (handed === undefined) throw new TypeError("it was no job");
      return handed;
    },
    settle: (handed, atMs) => ledger.settled(handed, atMs),
    work(sequence, delivery = {}) {
      this.settle(this.deliver(sequence, delivery), (delivery.atMs ?? 100) + 1);
    },
    away(name, fromMs, toMs) {
      ledger.left(name, fromMs);
      ledger.returned(name, toMs);
    },
    verdict: () => judge(ledger.tally(), ledger.incidents, undefined, { jobs: ledger.tallyJobs() }),
  };
}

type Stamp = Parameters<typeof messageProperties>[0];

/** What a gateway that keeps everything gives to a worker with MQTT 5. */
function propertiesOf(stamp: Stamp, plan: StreamPlan, count: number | string) {
  const sent = plan.version === 5 ? messageProperties(stamp, plan) : undefined;
  const added: UserProperty[] = count === 1 ? [] : [["delivery-count", String(count)]];
  return {
    payloadFormat: undefined,
    expirySeconds: undefined,
    contentType: sent?.contentType,
    responseTopic: sent?.responseTopic,
    correlationData: sent?.correlationData,
    subscriptionIdentifiers: [],
    userProperties: [...(sent?.userProperties ?? []), ...added],
  };
}
