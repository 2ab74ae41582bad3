import { isScalar, parseDocument } from "yaml";
import { keysAt } from "./keys.ts";

/**
 * The value of a text that came from outside YAML (the environment, a flag, `${VAR}`) for a key: text where the key is
 * text, otherwise what a YAML scalar would be.
 */
export function scalarOfText(path: readonly string[], text: string): string | number | boolean | null {
  const kind = keysAt(path)[0]?.kind;
  if (text !== "" && (kind === "text" || kind === "choice")) return text;
  const document = parseDocument(text, { logLevel: "silent", prettyErrors: false });
  if (document.errors.length > 0) return text;
  if (document.contents === null) return null;
  const value: unknown = isScalar(document.contents) ? document.contents.value : text;
  return typeof value === "number" || typeof value === "boolean" || value === null ? value : text;
}
