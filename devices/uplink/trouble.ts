import type { Random } from "../random.ts";

/**
 * What can befall the line between a gateway and its cloud.
 * - `cut`: all connections are reset; new ones come through at once.
 * - `refused`: they are reset, and for a while nobody listens.
 * - `throttled`: for a while, only so many bytes pass per second.
 * - `silent`: for a while nothing is read and nothing passes, and connections are accepted; then it goes on.
 * - `devoured`: for a while all that the gateway sends is read and goes nowhere, and nothing is answered.
 * - `muted`: for a while what the gateway sends reaches the cloud, and its answers do not come back.
 * - `cloud-gone`: the cloud's end of each connection is gone, and the gateway does not hear of it; new ones come through.
 * - `gateway-gone`: the gateway's end is reset, and the cloud does not hear of it; new ones come through.
 */
export const troubleKinds = [
  "cut",
  "refused",
  "throttled",
  "silent",
  "devoured",
  "muted",
  "cloud-gone",
  "gateway-gone",
] as const;
export type TroubleKind = (typeof troubleKinds)[number];

/** `bytesPerSecond` is of the kind `throttled`, in each direction of each connection. */
export type Trouble = { kind: TroubleKind; fromMs: number; forMs: number; bytesPerSecond: number };

/** The first messages and the last recovery have some of the time for themselves. */
const firstPart = 0.1;
const lastPart = 0.9;
/** Of its share of the time, what a trouble leaves for the line to be in order. */
const partMax = 0.75;
const msMin = 300;
/** Longer than the bridge needs to notice. */
const msMax = 12_000;
const bytesPerSecondMin = 4_000;
const bytesPerSecondMax = 40_000;

/** So many troubles, one after another, at random moments; each wanted kind comes about as often as the others. */
export function planTroubles(
  count: number,
  liveMs: number,
  random: Random,
  wanted: readonly TroubleKind[] = troubleKinds,
): Trouble[] {
  const shareMs = (liveMs * (lastPart - firstPart)) / Math.max(1, count);
  let kinds: TroubleKind[] = [];
  return Array.from({ length: count }, (_, index) => {
    if (kinds.length === 0) kinds = [...wanted];
    const [kind] = kinds.splice(random.whole(0, kinds.length - 1), 1);
    const forMs = Math.min(msMax, Math.max(msMin, random.between(0.2, partMax) * shareMs));
    const fromMs = liveMs * firstPart + shareMs * index + random.between(0, Math.max(0, shareMs - forMs));
    return { kind: kind!, fromMs, forMs, bytesPerSecond: random.whole(bytesPerSecondMin, bytesPerSecondMax) };
  });
}
