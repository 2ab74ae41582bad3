import { WaypostError } from "../../waypost-error.ts";

/** Takes a value that came from outside for what it must be. `place` says where it stands. @throws ERR_USAGE */
export type Reader<T> = (value: unknown, place: string) => T;

type Shape = Readonly<Record<string, Reader<unknown>>>;
type ReadShape<S extends Shape> = { [Key in keyof S]: S[Key] extends Reader<infer T> ? T : never };

/** Longest piece of a wrong value that is repeated to whoever sent it. */
const QUOTED_CHARACTERS_MAX = 60;
const TEXT_BYTES_MAX = 65_535;

/** An object with these keys and no others. */
export function fields<Required extends Shape, Optional extends Shape>(
  required: Required,
  optional: Optional,
): Reader<ReadShape<Required> & Partial<ReadShape<Optional>>> {
  const readers = new Map(Object.entries({ ...required, ...optional }));
  return (value, place) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(place, "an object", value);
    const at = (key: string) => (place.endsWith(":") ? `${place} ${key}` : `${place}.${key}`);
    for (const key of Object.keys(value)) {
      if (readers.has(key)) continue;
      const known = readers.size === 0 ? "nothing belongs here" : `there are ${[...readers.keys()].join(", ")}`;
      throw new WaypostError("ERR_USAGE", `${at(quoted(key))} is no known key: ${known}`);
    }
    const missing = Object.keys(required).find((key) => !Object.hasOwn(value, key));
    if (missing !== undefined) throw new WaypostError("ERR_USAGE", `${at(missing)} is missing`);
    const entries = Object.entries(value).map(([key, each]) => [key, readers.get(key)?.(each, at(key))]);
    return Object.fromEntries(entries);
  };
}

/** No key at all. */
export const nothing = fields({}, {});

/** Text that MQTT can carry: well-formed, without U+0000, at most 65,535 bytes. */
export const text: Reader<string> = (value, place) => {
  if (typeof value !== "string") throw wrong(place, "a text", value);
  if (/[\p{Cs}\0]/u.test(value)) throw wrong(place, "text without U+0000 and without halves of surrogate pairs", value);
  if (Buffer.byteLength(value) > TEXT_BYTES_MAX) throw wrong(place, `at most ${TEXT_BYTES_MAX} bytes long`, value);
  return value;
};

export const name: Reader<string> = (value, place) => {
  if (text(value, place) === "") throw wrong(place, "a name", value);
  return value as string;
};

export function wholeNumber(min: number, max: number): Reader<number> {
  return (value, place) => {
    if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
    throw wrong(place, `a whole number from ${min} to ${max}`, value);
  };
}

/** The same in a query, where all is text. */
export function wholeNumberText(min: number, max: number): Reader<number> {
  const number = wholeNumber(min, max);
  return (value, place) => number(typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value, place);
}

/** More than 0, at most `max`; with decimals. */
export function positiveNumber(max: number): Reader<number> {
  return (value, place) => {
    if (typeof value === "number" && value > 0 && value <= max) return value;
    throw wrong(place, `a number above 0 and up to ${max}`, value);
  };
}

export function choice<const T extends string | number | boolean>(...allowed: readonly T[]): Reader<T> {
  return (value, place) => {
    const found = allowed.find((each) => each === value);
    if (found !== undefined) return found;
    const words = allowed.map((each) => JSON.stringify(each)).join(" or ");
    throw wrong(place, words, value);
  };
}

export const flag = choice(true, false);

export const flagText: Reader<boolean> = (value, place) => choice("true", "false")(value, place) === "true";

/** A list of at least one. */
export function list<T>(item: Reader<T>): Reader<T[]> {
  return (value, place) => {
    if (!Array.isArray(value) || value.length === 0) throw wrong(place, "a list that is not empty", value);
    return value.map((each, index) => item(each, `${place}[${index}]`));
  };
}

export const pair: Reader<readonly [string, string]> = (value, place) => {
  if (!Array.isArray(value) || value.length !== 2) throw wrong(place, "a pair: [name, value]", value);
  return [text(value[0], `${place}[0]`), text(value[1], `${place}[1]`)];
};

export const base64: Reader<Buffer> = (value, place) => {
  const bytes = typeof value === "string" ? Buffer.from(value, "base64") : undefined;
  // Decoding passes over what is no base64; only the same text again shows that there was nothing of that.
  if (bytes === undefined || bytes.toString("base64") !== value) throw wrong(place, "base64 with its padding", value);
  return bytes;
};

/** Left to whoever gets it. */
export const anything: Reader<unknown> = (value) => value;

function wrong(place: string, mustBe: string, value: unknown): WaypostError {
  return new WaypostError("ERR_USAGE", `${place.replace(/:$/, "")} must be ${mustBe}, not ${quoted(value)}`);
}

/** A wrong value, to be repeated to whoever sent it; the beginning of a long one. */
function quoted(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const whole = JSON.stringify(typeof value === "string" ? value.slice(0, QUOTED_CHARACTERS_MAX) : value) ?? "nothing";
  // JSON has no number that is too large for it: it was read as Infinity.
  if (typeof value === "number" && !Number.isFinite(value)) return "a number beyond all limits";
  return typeof value === "string" && value.length > QUOTED_CHARACTERS_MAX ? `${whole.slice(0, -1)}…"` : whole;
}
