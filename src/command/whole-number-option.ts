import { usageError } from "./usage-error.ts";

/** The number that an option was given. @throws ERR_USAGE */
export function wholeNumberOption(option: string, text: string, min: number, max: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw usageError(`${option} is a whole number from ${min} to ${max}, not ${text}`);
}
