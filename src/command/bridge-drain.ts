import type { BridgeReport } from "../admin/administration.ts";
import { bridgeState } from "./bridge-text.ts";
import type { CommandContext } from "./command-context.ts";
import { ControlClient, type ControlOptions } from "./control-client.ts";
import { counted } from "./counted.ts";
import { exitCodes } from "./exit-code.ts";
import { printable } from "./printable.ts";
import { rateText } from "./rate-text.ts";
import { sizeText } from "./size-text.ts";
import { wholeNumberOption } from "./whole-number-option.ts";

export interface DrainOptions extends ControlOptions {
  /** Seconds. */
  readonly timeout?: string;
}

/** Time as the command sees it, in milliseconds. */
export interface DrainClock {
  now(): number;
  wait(ms: number): Promise<void>;
}

/** Between two looks at the bridge: soon at first, for a backlog that is small. */
const LOOK_MS_MIN = 50;
const LOOK_MS_MAX = 1000;
const TIMEOUT_SECONDS_MAX = 31_536_000;
const CLEAR_LINE = "\r\u001b[K";

const systemTime: DrainClock = {
  now: () => performance.now(),
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/**
 * `waypost bridges drain`: has a bridge send what waits before all else, and waits until that is through. Resolves to 0
 * when it is, to 27 when time ran out before, to 1 where it ended otherwise. Whoever stops the command does not stop the
 * draining. Errors: ERR_USAGE; those of ControlClient.
 */
export async function drainBridge(
  name: string,
  options: DrainOptions,
  context: CommandContext,
  clock: DrainClock = systemTime,
): Promise<number> {
  const timeoutMs =
    options.timeout === undefined
      ? Number.POSITIVE_INFINITY
      : wholeNumberOption("--timeout", options.timeout, 1, TIMEOUT_SECONDS_MAX) * 1000;
  const client = new ControlClient(options, context);
  const progress = new Progress(context);
  const endsAt = clock.now() + timeoutMs;
  try {
    let bridge = await client.ask<BridgeReport>({ method: "POST", path: ["bridges", name, "drain"] });
    for (let lookMs = LOOK_MS_MIN; bridge.draining && !isHalted(bridge); lookMs = Math.min(LOOK_MS_MAX, lookMs * 2)) {
      progress.show(bridge);
      const leftMs = endsAt - clock.now();
      if (leftMs <= 0) break;
      await clock.wait(Math.min(lookMs, leftMs));
      bridge = await client.ask<BridgeReport>({ method: "GET", path: ["bridges", name] });
    }
    progress.clear();
    return tellEnd(bridge, options, context);
  } finally {
    progress.clear();
  }
}

/** What is left, on a line of its own that is written over; nothing where nobody watches. */
class Progress {
  readonly #stderr: CommandContext["stderr"] | null;
  #isShown = false;

  constructor({ stderr }: CommandContext) {
    this.#stderr = "isTTY" in stderr && stderr.isTTY === true ? stderr : null;
  }

  show(bridge: BridgeReport): void {
    const { perSecond } = bridge;
    this.#stderr?.write(`${CLEAR_LINE}${leftText(bridge)}, ${rateText(perSecond.forwarded)}/s; ${bridgeState(bridge)}`);
    this.#isShown = true;
  }

  clear(): void {
    if (this.#isShown) this.#stderr?.write(CLEAR_LINE);
    this.#isShown = false;
  }
}

function tellEnd(bridge: BridgeReport, { json, timeout }: DrainOptions, { stdout, stderr }: CommandContext): number {
  const name = printable(bridge.name);
  if (json) stdout.write(`${JSON.stringify(bridge)}\n`);
  const failed = (why: string) => stderr.write(`waypost bridges drain: ${why}; ${leftText(bridge)}\n`);
  if (isHalted(bridge) && bridge.messages > 0) {
    failed(`the bridge ${name} does not drain any more: it is ${bridgeState(bridge)}`);
    return exitCodes.runtime;
  }
  if (bridge.draining) {
    const error = bridge.lastError === null ? "" : `, last error: ${printable(bridge.lastError.message)}`;
    failed(`the bridge ${name} is not through after ${timeout} s and goes on (${bridgeState(bridge)}${error})`);
    return exitCodes.timeout;
  }
  const { messages, stranded } = bridge;
  const fresh = messages === stranded ? "" : `; ${counted(messages - stranded, "message")} came meanwhile`;
  const stuck = stranded === 0 ? "" : `; ${stranded} stranded stay: no rule matches them any more`;
  if (!json) stdout.write(`drained the bridge ${name}${fresh}${stuck}\n`);
  return exitCodes.ok;
}

/** Somebody else did that meanwhile, and nothing goes until it is undone. */
function isHalted({ paused, state }: BridgeReport): boolean {
  return paused || state === "disabled" || state === "left-over";
}

function leftText({ messages, bytes, inFlight }: BridgeReport): string {
  return `${counted(messages, "message")} left, ${sizeText(bytes)}, ${inFlight} in flight`;
}
