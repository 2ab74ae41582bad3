import { vi } from "vitest";
import { freePort } from "../../devices/free-port.ts";
import { createRandom } from "../../devices/random.ts";
import type { BridgeReport } from "../../src/bridge/bridge-report.ts";
import type { ManualClock } from "../support/manual-clock.ts";
import type { RunningGateway } from "../support/start-gateway.ts";

let ports = 0;

/** A port that an upstream can leave, and come back to. */
export function keptPort(): Promise<number> {
  return freePort(createRandom(Date.now() + process.pid, `bridge ${++ports}`));
}

/** The section `bridges` with one bridge, named cloud, to a port of this machine. */
export function cloud(port: number, topics: readonly object[], more: object = {}) {
  const brief = { url: `mqtt://127.0.0.1:${port}`, retryMaxSeconds: 1 };
  return { bridges: { cloud: { ...brief, topics, ...more } } };
}

/** Looks again and again until it is so. */
export function until(isSo: () => boolean, limitMs = 30_000): Promise<unknown> {
  return vi.waitUntil(isSo, { timeout: limitMs, interval: 5 });
}

export function reportOf({ gateway }: Pick<RunningGateway, "gateway">, name = "cloud"): BridgeReport {
  return gateway.administration.bridge(name);
}

/** Waits until the bridge is connected; where the gateway has a clock that stands still, it is moved for each attempt. */
export async function bridged(running: RunningGateway, clock?: ManualClock, name = "cloud"): Promise<void> {
  await until(() => {
    const { state, retryAt } = reportOf(running, name);
    if (retryAt !== null) clock?.advance(1000);
    return state === "connected";
  });
}

/** Waits until nothing waits for the upstream, and nothing is in flight. */
export async function drained(running: RunningGateway, name = "cloud"): Promise<void> {
  await until(() => {
    const { messages, inFlight } = reportOf(running, name);
    return messages + inFlight === 0;
  });
}
