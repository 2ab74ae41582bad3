import type { Behaviour } from "../device.ts";

/** Takes jobs and never settles one: others must get them in the end, and must not wait for it meanwhile. */
export function stalledWorker(queue: string): Behaviour {
  return {
    transport: "tcp",
    subscriptions: { [`$queue/${queue}`]: 1 },
    channels: [],
    work() {},
    // There would be no end of it.
    rest: () => "away",
  };
}
