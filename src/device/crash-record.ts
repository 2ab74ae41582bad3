import { RestartIntensity, type RestartPolicy } from "../actor/restart-intensity.ts";
import type { DeviceContext } from "./device-context.ts";

export const deviceRestartPolicy: RestartPolicy = {
  restartsMax: 5,
  withinMs: 30_000,
  backOffMinMs: 100,
  backOffMaxMs: 5_000,
};

/** Which devices crashed of late, and when each may be started again. */
export class CrashRecord {
  readonly #context: DeviceContext;
  readonly #crashed = new Map<string, RestartIntensity>();

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  /** It crashed too often, and is left alone for a while. */
  isExhausted(id: string): boolean {
    return this.#crashed.get(id)?.exhausted ?? false;
  }

  /** The device crashed; returns after how many milliseconds it may be started again. */
  note(id: string): number {
    const { clock, log } = this.#context;
    const intensity = this.#crashed.get(id) ?? new RestartIntensity(deviceRestartPolicy, clock);
    this.#crashed.set(id, intensity);
    const decision = intensity.decide();
    clock.after(deviceRestartPolicy.withinMs + 1, () => {
      if (intensity.calm) this.#crashed.delete(id);
    });
    if (decision.kind !== "give-up") return decision.delayMs;
    log.error({ device: id }, "the device crashed too often; it is left alone for half a minute");
    return deviceRestartPolicy.withinMs;
  }
}
