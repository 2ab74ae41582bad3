import type { Behaviour } from "../device.ts";
import type { Protocol } from "../protocol-version.ts";
import type { BridgePlan } from "../uplink/bridge-plan.ts";
import type { Destinations } from "./destinations.ts";

export type Stage = {
  /** Topics begin with it. */
  root: string;
  /** Client ids begin with it. */
  alias: string;
  /** Names of queues and groups begin with it. */
  label: string;
  seed: number;
  liveMs: number;
};
/** Those that are not at the cloud of a scenario with a bridge are at the gateway. */
export type Member = { name: string; behaviour: Behaviour; at?: "cloud" };

/** A play for a fleet: which devices there are and how they behave. Add one by a file here and a line in scenarios.ts. */
export type Scenario = {
  name: string;
  summary: string;
  devicesMin: number;
  /** Of a run of all scenarios, small enough for a test. */
  small: { devices: number; seconds: number };
  /** What its devices speak, unless the command line says otherwise. */
  protocol: Protocol;
  /** A message that takes longer fails the verdict, unless the command line says otherwise. */
  lateSeconds: number;
  /** The verdict is about what waits in mailboxes: something must have waited. */
  waiting: boolean;
  /**
   * Everybody has a persistent session or only takes from a queue, so that the gateway may be killed: what was never
   * acknowledged may be lost, and at the end everybody looks again whether something is left.
   */
  enduring: boolean;
  /** The queues and groups that the gateway must have. */
  destinations?(stage: Stage): Destinations;
  /** The bridge that the gateway must have, to a cloud that the run starts besides. */
  bridge?(stage: Stage): BridgePlan;
  /** As many members as `devices`, each with its own name. The same stage gives the same fleet. */
  cast(devices: number, stage: Stage): Member[];
};
