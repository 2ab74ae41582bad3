import { FleetError } from "./fleet-error.ts";

/** The promise's outcome, or ERR_TIMEOUT after `limitMs`: a gateway that never answers must not hang the fleet. */
export async function within<Value>(limitMs: number, what: string, promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new FleetError("ERR_TIMEOUT", `${what} did not come within ${limitMs} ms`)),
      limitMs,
    );
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
