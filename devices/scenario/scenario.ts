import type { Behaviour } from "../device.ts";

export type Stage = { root: string; seed: number; liveMs: number };
export type Member = { name: string; behaviour: Behaviour };

/** A play for a fleet: which devices there are and how they behave. Add one by a file here and a line in scenarios.ts. */
export type Scenario = {
  name: string;
  summary: string;
  devicesMin: number;
  /** A message that takes longer fails the verdict, unless the command line says otherwise. */
  lateSeconds: number;
  /**
   * Everybody's session is persistent, and the verdict is about what waits in mailboxes: something must have waited,
   * they must be empty at the end, what was never acknowledged may be lost, and the gateway may be killed.
   */
  waiting: boolean;
  /** As many members as `devices`, each with its own name. The same stage gives the same fleet. */
  cast(devices: number, stage: Stage): Member[];
};
