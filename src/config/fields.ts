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

function intWithin({ min, max }: Range) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

/** A whole number within a range. */
export function wholeNumber(field: FieldDoc & Range & { readonly default: number }) {
  return intWithin(field).default(field.default).meta(metaOf(field));
}

/** A whole number within a range, or nothing. */
export function optionalWholeNumber(field: FieldDoc & Range) {
  return intWithin(field).optional().meta(metaOf(field));
}

function bytesWithin(field: Range) {
  const error = `must be a size from ${formatByteSize(field.min)} to ${formatByteSize(field.max)}, such as 65536, "64KiB" or "1MiB"`;
  return z
    .union([z.int({ error }).min(0, { error }), z.string({ error }).regex(byteSizePattern, { error })], { error })
    .transform((value, context) => {
      const bytes = typeof value === "number" ? value : parseByteSize(value);
      if (bytes !== undefined && bytes >= field.min && bytes <= field.max) return bytes;
      context.issues.push({ code: "invalid_value", values: [], input: value, message: error });
      return z.NEVER;
    });
}

/** A byte size, written as an integer or as "16MiB"; parsed to a number of bytes. */
export function byteSize(field: FieldDoc & Range & { readonly default: number }) {
  return bytesWithin(field)
    .prefault(formatByteSize(field.default))
    .meta({ ...metaOf(field), unit: "bytes" });
}

/** A byte size, or nothing. */
export function optionalByteSize(field: FieldDoc & Range) {
  return bytesWithin(field)
    .optional()
    .meta({ ...metaOf(field), unit: "bytes" });
}

/** true or false. */
export function flag(field: FieldDoc & { readonly default: boolean }) {
  return z.boolean({ error: "must be true or false" }).default(field.default).meta(metaOf(field));
}

type Words = readonly [string, ...string[]];

function wordOf<const W extends Words>(words: W) {
  return z.enum(words, { error: `must be ${words.length === 1 ? "" : "one of "}${words.join(", ")}` });
}

/** One of a few words. */
export function choice<const W extends Words>(field: FieldDoc & { readonly words: W; readonly default: W[number] }) {
  return wordOf(field.words).default(field.default).meta(metaOf(field));
}

/** One of a few words, or nothing. */
export function optionalChoice<const W extends Words>(field: FieldDoc & { readonly words: W }) {
  return wordOf(field.words).optional().meta(metaOf(field));
}

/** Text that matches a pattern; `mustBe` completes the sentence "must be …". */
export function text(
  field: FieldDoc & { readonly pattern: RegExp; readonly mustBe: string; readonly default: string },
) {
  const error = `must be ${field.mustBe}`;
  return z.string({ error }).regex(field.pattern, { error }).default(field.default).meta(metaOf(field));
}

/** Text that must be given, and that no message shows. `mistakeOf` tells what is wrong with a text, without showing it. */
export function secret({
  mustBe,
  mistakeOf,
  ...field
}: FieldDoc & { readonly mustBe: string; readonly mistakeOf: (text: string) => string | undefined }) {
  return z
    .string({ error: `must be ${mustBe}` })
    .superRefine((text, context) => {
      const message = mistakeOf(text);
      if (message !== undefined) context.addIssue({ code: "custom", message });
    })
    .meta({ ...metaOf(field), secret: true });
}

/** Text that matches a pattern, and that no message shows. */
export function optionalSecret(field: FieldDoc & { readonly pattern: RegExp; readonly mustBe: string }) {
  const error = `must be ${field.mustBe}`;
  return z
    .string({ error })
    .regex(field.pattern, { error })
    .default("")
    .meta({ ...metaOf(field), secret: true });
}

/** A list that is empty where it is missing; `what` names its items in the plural. */
export function list<Item extends z.ZodType>(
  field: FieldDoc & { readonly of: Item; readonly max: number; readonly what: string },
) {
  return listOf(field).prefault([]).meta(metaOf(field));
}

/** A list that must be given, with at least one item. */
export function requiredList<Item extends z.ZodType>(
  field: FieldDoc & { readonly of: Item; readonly max: number; readonly what: string },
) {
  return listOf(field)
    .min(1, { error: `must have at least one of the ${field.what}` })
    .meta(metaOf(field));
}

function listOf<Item extends z.ZodType>({ of, max, what }: { of: Item; max: number; what: string }) {
  return z
    .array(of, { error: `must be a list of ${what}` })
    .max(max, { error: `has too many ${what}: at most ${max}` });
}

/** A map with exactly these keys; a missing map is the map of its defaults. */
export function section<Shape extends z.core.$ZodLooseShape>(doc: string, shape: Shape) {
  return z
    .strictObject(shape, {
      error: (issue) => (issue.code === "invalid_type" ? "must be a map of keys and values" : undefined),
    })
    .meta({ description: doc });
}
