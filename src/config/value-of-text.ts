import { type Document, isScalar, isSeq, parseDocument } from "yaml";
import { type RawValue, rawMap } from "./config-tree.ts";
import { keysAt } from "./keys.ts";

/**
 * The value of a text that came from outside YAML (the environment, a flag, `${VAR}`) for a key: text where the key is
 * text, a list where it is a list, otherwise what a YAML scalar would be. What is none of these stays text, of which
 * the schema then says what it must be.
 */
export function valueOfText(path: readonly string[], text: string): RawValue {
  const kind = keysAt(path)[0]?.kind;
  const isItemOfTexts = keysAt(path.slice(0, -1))[0]?.kind === "texts";
  if (text !== "" && (kind === "text" || kind === "choice" || isItemOfTexts)) return text;
  const document = parseDocument(text, { logLevel: "silent", prettyErrors: false });
  if (document.errors.length > 0) return text;
  if (document.contents === null) return null;
  if ((kind === "maps" || kind === "texts") && isSeq(document.contents)) return listOf(document) ?? text;
  const value: unknown = isScalar(document.contents) ? document.contents.value : text;
  return typeof value === "number" || typeof value === "boolean" || value === null ? value : text;
}

/** Undefined where an alias stands in the list: one line has no need of them, and they can make it endless. */
function listOf(document: Document.Parsed): RawValue | undefined {
  try {
    return rawOf(document.toJS({ maxAliasCount: 0 }));
  } catch (error) {
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
}

function rawOf(value: unknown): RawValue {
  if (Array.isArray(value)) return value.map(rawOf);
  if (typeof value !== "object" || value === null) return value as RawValue;
  const map = rawMap();
  for (const [key, child] of Object.entries(value)) map[key] = rawOf(child);
  return map;
}
