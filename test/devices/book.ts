import { Ledger, type LedgerOptions } from "../../devices/ledger/ledger.ts";
import { judge, type Verdict } from "../../devices/ledger/verdict.ts";
import type { Decoded, Stamp } from "../../devices/payload.ts";

export const run = "run-1";
export const topic = "home/sensor/temperature";

type ArrivalOptions = { atMs?: number; dup?: boolean; on?: string; receiver?: string; stamp?: Partial<Stamp> };

/** A ledger with one sensor and one or more readers, and short words for what happens between them. */
export type Book = {
  ledger: Ledger;
  /** Sends so many messages, one per millisecond from `fromMs`, all acknowledged. */
  send(count: number, fromMs?: number): void;
  arrive(sequence: number, options?: ArrivalOptions): void;
  verdict(): Verdict;
};

export function openBook(
  qos: 0 | 1 | 2,
  options: Partial<LedgerOptions> & { readers?: Record<string, 0 | 1 | 2> } = {},
): Book {
  const { readers = { reader: 2 }, ...rest } = options;
  const ledger = new Ledger({ run, permitQos0Loss: false, permitUnacknowledged: false, lateMsMax: 5_000, ...rest });
  for (const [name, granted] of Object.entries(readers)) ledger.subscribed(name, "home/#", granted);
  ledger.open({ flow: "temperature", sender: "sensor", topic, qos });
  return {
    ledger,
    send(count, fromMs = 0) {
      for (let index = 0; index < count; index++) {
        ledger.acknowledged(topic, ledger.sending(topic, fromMs + index), fromMs + index);
      }
    },
    arrive(sequence, { atMs = 100, dup = false, on = topic, receiver = "reader", stamp = {} } = {}) {
      ledger.arrived({ receiver, topic: on, decoded: stamped(sequence, stamp), dup, atMs });
    },
    verdict: () => judge(ledger.tally(), ledger.incidents),
  };
}

export function stamped(sequence: number, stamp: Partial<Stamp> = {}): Decoded {
  return { stamp: { run, sender: "sensor", topic, sequence, sentAtMs: 0, ...stamp }, body: Buffer.alloc(0) };
}
