import type { ChildProcesses } from "./child-processes.ts";
import type { LoadGenerator } from "./load-generator.ts";

/** What every measurement of a run works with. */
export interface Bench {
  children: ChildProcesses;
  generator: LoadGenerator;
  /** For what the brokers write; removed at the end. */
  folder: string;
  warmupMs: number;
  measureMs: number;
  burst: number;
  cleanUpMs: number;
  quick: boolean;
}
