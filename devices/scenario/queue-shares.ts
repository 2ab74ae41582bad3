export type QueueShares = {
  displays: number;
  steady: number;
  slow: number;
  dying: number;
  stalled: number;
  picky: number;
  keyWorkers: number;
  keyDying: number;
  keyers: number;
  producers: number;
};

/** Shares `devices` out, 14 or more: at least one of each kind, two of those that must be able to replace each other. */
export function queueShares(devices: number): QueueShares {
  const share = (fraction: number, min: number, max: number) =>
    Math.min(max, Math.max(min, Math.floor(devices * fraction)));
  const special = {
    displays: share(0.02, 1, 3),
    steady: share(0.1, 2, 60),
    slow: share(0.05, 1, 30),
    dying: share(0.1, 1, 60),
    stalled: share(0.05, 1, 20),
    picky: share(0.05, 1, 30),
    keyWorkers: share(0.1, 1, 40),
    keyDying: share(0.1, 2, 40),
    keyers: share(0.1, 2, 80),
  };
  const taken = Object.values(special).reduce((sum, count) => sum + count, 0);
  return { ...special, producers: devices - taken };
}
