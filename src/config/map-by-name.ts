import { z } from "zod";

interface MapByName<Value extends z.ZodType> {
  /** What the map is for. */
  readonly doc: string;
  readonly of: Value;
  readonly max: number;
  /** Its names in the plural: "queue names". */
  readonly what: string;
  /** What a name must match, for editors; that it does is checked where names are read. */
  readonly namePattern: RegExp;
  /** What to do where nothing stands behind a name. */
  readonly advice: string;
}

/** A map by names that the user chooses; missing, it is empty. Zod's own record passes over the name `__proto__`. */
export function mapByName<Value extends z.ZodType>(field: MapByName<Value>) {
  return z
    .unknown()
    .transform((input, context) => readMap(field, input, context))
    .prefault({})
    .meta({
      description: field.doc,
      type: "object",
      propertyNames: { type: "string", pattern: field.namePattern.source },
      additionalProperties: jsonSchemaOf(field.of),
    });
}

function readMap<Value extends z.ZodType>(
  { of, max, what, advice }: MapByName<Value>,
  input: unknown,
  { issues }: z.core.ParsePayload,
): Readonly<Record<string, z.output<Value>>> {
  const map: Record<string, z.output<Value>> = Object.create(null);
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    issues.push({ code: "invalid_type", expected: "object", input, message: `must be a map of ${what}` });
    return map;
  }
  const entries = Object.entries(input);
  if (entries.length > max) {
    issues.push({ code: "custom", input, message: `has too many ${what}: at most ${max}` });
    return map;
  }
  for (const [name, value] of entries) {
    if (value === null) {
      issues.push({ code: "custom", input: value, path: [name], message: `is empty: ${advice}` });
      continue;
    }
    const parsed = of.safeParse(value);
    if (parsed.success) map[name] = parsed.data;
    else issues.push(...parsed.error.issues.map((issue) => below(name, issue)));
  }
  return map;
}

function below(name: string, issue: z.core.$ZodIssue): z.core.$ZodRawIssue {
  return { ...issue, path: [name, ...issue.path] } as z.core.$ZodRawIssue;
}

function jsonSchemaOf(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input" });
  return rest;
}
