import { z } from "zod";
import { configSchema } from "./schema.ts";

/** The part of JSON Schema that the configuration's schema uses. `unit` and `secret` are Waypost's own. */
export interface SchemaNode {
  type?: string;
  description?: string;
  unit?: string;
  secret?: boolean;
  default?: unknown;
  const?: unknown;
  pattern?: string;
  enum?: readonly (string | number)[];
  minimum?: number;
  maximum?: number;
  required?: string[];
  properties?: Record<string, SchemaNode>;
  items?: SchemaNode;
  propertyNames?: SchemaNode;
  additionalProperties?: boolean | SchemaNode;
  oneOf?: SchemaNode[];
  anyOf?: SchemaNode[];
}

/** One key of the configuration. In its path `*` stands for a name that the user chooses, `[]` for a place in a list. */
export interface ConfigKey {
  readonly path: readonly string[];
  /** The `type` of the listener that has this key, where the types differ. */
  readonly variant: string | undefined;
  readonly kind: "text" | "number" | "bytes" | "boolean" | "choice" | "texts" | "maps";
  readonly words: readonly string[];
  readonly unit: string | undefined;
  /** Whether its value must not be shown. */
  readonly isSecret: boolean;
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  readonly defaultValue: unknown;
  readonly doc: string;
}

/** The schema as JSON Schema of what a user writes (before defaults are filled in). */
export function inputSchema(): SchemaNode {
  return z.toJSONSchema(configSchema, { io: "input" }) as SchemaNode;
}

let known: readonly ConfigKey[] | undefined;

/** Every key, in the order of the schema. Read once: deriving it costs a few milliseconds. */
export function configKeys(): readonly ConfigKey[] {
  known ??= [...keysOf(inputSchema(), [], undefined)];
  return known;
}

/** The keys directly below a path (`listeners.garden` -> type, port, …), of every variant. */
export function keysBelow(path: readonly string[]): ConfigKey[] {
  return configKeys().filter((key) => key.path.length > path.length && startsWith(key.path, path));
}

/** The keys at exactly this path: one for each variant that has it, none if the path is no key. */
export function keysAt(path: readonly string[]): ConfigKey[] {
  return configKeys().filter((key) => key.path.length === path.length && startsWith(key.path, path));
}

function startsWith(keyPath: readonly string[], path: readonly string[]): boolean {
  return path.every((part, index) => {
    const known = keyPath[index];
    return known === part || known === "*" || (known === "[]" && /^\d+$/.test(part));
  });
}

function* keysOf(node: SchemaNode, path: readonly string[], variant: string | undefined): Generator<ConfigKey> {
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const childPath = [...path, name];
    if (child.type === "object") yield* keysOf(child, childPath, variant);
    else yield keyOf(child, childPath, variant);
    if (child.items !== undefined) yield* keysOf(child.items, [...childPath, "[]"], variant);
  }
  if (typeof node.additionalProperties !== "object") return;
  for (const option of node.additionalProperties.oneOf ?? [node.additionalProperties]) {
    const type = option.properties?.type?.const;
    yield* keysOf(option, [...path, "*"], type === undefined ? variant : String(type));
  }
}

function keyOf(node: SchemaNode, path: readonly string[], variant: string | undefined): ConfigKey {
  const words = node.enum?.map(String) ?? (typeof node.const === "string" ? [node.const] : []);
  return {
    path,
    variant,
    kind: kindOf(node, words),
    words: [...new Set(words)],
    unit: node.unit,
    isSecret: node.secret === true,
    minimum: node.minimum,
    maximum: node.maximum,
    defaultValue: node.default,
    doc: node.description ?? "",
  };
}

function kindOf(node: SchemaNode, words: readonly string[]): ConfigKey["kind"] {
  if (words.length > 0) return "choice";
  if (node.type === "array") return node.items?.type === "object" ? "maps" : "texts";
  if (node.anyOf !== undefined) return node.anyOf.some(({ type }) => type === "array") ? "texts" : "bytes";
  if (node.type === "boolean") return "boolean";
  return node.type === "integer" ? "number" : "text";
}
