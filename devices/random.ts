/** Repeatable randomness: the same seed and name give the same numbers, however the devices interleave. */
export type Random = {
  /** At least `from`, less than `to`. */
  between(from: number, to: number): number;
  /** Whole number, at least `from`, at most `to`. */
  whole(from: number, to: number): number;
  /** Waiting time of a rare event that comes once per `mean` on average; at most five times the mean. */
  waiting(mean: number): number;
  chance(probability: number): boolean;
};

/** Makes the randomness of one device: each has its own, so that adding one does not change the others. */
export function createRandom(seed: number, name: string): Random {
  let state = mix(seed, name);
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  // The first outputs of a xorshift generator still resemble its seed.
  for (let round = 0; round < 8; round++) next();
  return {
    between: (from, to) => from + next() * (to - from),
    whole: (from, to) => from + Math.floor(next() * (to - from + 1)),
    waiting: (mean) => Math.min(5 * mean, -mean * Math.log(1 - next())),
    chance: (probability) => next() < probability,
  };
}

function mix(seed: number, name: string): number {
  let hash = 0x811c9dc5 ^ (seed >>> 0);
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  // Zero is the one state that a xorshift generator never leaves.
  return hash === 0 ? 1 : hash;
}
