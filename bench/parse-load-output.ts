import { WaypostError } from "../src/waypost-error.ts";
import type { Sample } from "./sample.ts";

/**
 * The result of the load generator: the last line of its stdout, one JSON object; its numbers are kept.
 * @throws WaypostError ERR_INVARIANT when that line is not such an object
 */
export function parseLoadOutput(stdout: string): Sample {
  const line = stdout.trim().split("\n").at(-1) ?? "";
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (cause) {
    throw new WaypostError("ERR_INVARIANT", `load generator: its last line is not JSON: "${line}"`, { cause });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new WaypostError("ERR_INVARIANT", `load generator: its last line is not an object: "${line}"`);
  }
  return Object.fromEntries(
    Object.entries(parsed).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}
