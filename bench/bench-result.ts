import type { Lane } from "./lane.ts";
import type { Machine } from "./machine.ts";
import type { Sample } from "./sample.ts";
import type { StoreChoice } from "./storing.ts";

/** What a whole run of the benchmark found; the JSON file is this. */
export interface BenchResult {
  startedAt: string;
  machine: Machine;
  rounds: number;
  measureMs: number;
  warmupMs: number;
  burst: number;
  /** How Waypost kept messages, where it had to. */
  store: StoreChoice;
  /** Name and version of every broker that took part. */
  brokers: Record<string, string>;
  lanes: LaneResult[];
}

export interface LaneResult {
  lane: Lane;
  brokers: Record<string, BrokerResult>;
}

/** One broker in one lane: each round that worked, the median over them, and why the others failed. */
export interface BrokerResult {
  rounds: Sample[];
  median: Sample;
  errors: string[];
}
