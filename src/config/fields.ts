import { z } from "zod";
import { byteSizePattern, formatByteSize, parseByteSize } from "./byte-size.ts";

/** What every configuration key has: its meaning and its unit, both rendered into the reference and the JSON Schema. */
export interface FieldDoc {
  readonly doc: string;
  readonly unit?: string;
}

interface Range {
  readonly min: number;
  readonly max: number;
}

function metaOf({ doc, unit }: FieldDoc) {
  return unit === undefined ? { description: doc } : { description: doc, unit };
}

/** A whole number within a range. */
export function wholeNumber(field: FieldDoc & Range & { readonly default: number }) {
  const error = `must be a whole number from ${field.min} to ${field.max}`;
  return z
    .int({ error })
    .min(field.min, { error })
    .max(field.max, { error })
    .default(field.default)
    .meta(metaOf(field));
}

/** A byte size, written as an integer or as "16MiB"; parsed to a number of bytes. */
export function byteSize(field: FieldDoc & Range & { readonly default: number }) {
  const error = `must be a size from ${formatByteSize(field.min)} to ${formatByteSize(field.max)}, such as 65536, "64KiB" or "1MiB"`;
  return z
    .union([z.int({ error }).min(0, { error }), z.string({ error }).regex(byteSizePattern, { error })], { error })
    .transform((value, context) => {
      const bytes = typeof value === "number" ? value : parseByteSize(value);
      if (bytes !== undefined && bytes >= field.min && bytes <= field.max) return bytes;
      context.issues.push({ code: "invalid_value", values: [], input: value, message: error });
      return z.NEVER;
    })
    .prefault(formatByteSize(field.default))
    .meta({ ...metaOf(field), unit: "bytes" });
}

/** true or false. */
export function flag(field: FieldDoc & { readonly default: boolean }) {
  return z.boolean({ error: "must be true or false" }).default(field.default).meta(metaOf(field));
}

/** One of a few words. */
export function choice<const Words extends readonly [string, ...string[]]>(
  field: FieldDoc & { readonly words: Words; readonly default: Words[number] },
) {
  const error = `must be ${field.words.length === 1 ? "" : "one of "}${field.words.join(", ")}`;
  return z.enum(field.words, { error }).default(field.default).meta(metaOf(field));
}

/** Text that matches a pattern; `mustBe` completes the sentence "must be …". */
export function text(
  field: FieldDoc & { readonly pattern: RegExp; readonly mustBe: string; readonly default: string },
) {
  const error = `must be ${field.mustBe}`;
  return z.string({ error }).regex(field.pattern, { error }).default(field.default).meta(metaOf(field));
}

/** A map with exactly these keys; a missing map is the map of its defaults. */
export function section<Shape extends z.core.$ZodLooseShape>(doc: string, shape: Shape) {
  return z
    .strictObject(shape, {
      error: (issue) => (issue.code === "invalid_type" ? "must be a map of keys and values" : undefined),
    })
    .meta({ description: doc });
}
