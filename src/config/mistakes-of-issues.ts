import type { z } from "zod";
import type { RankedMistake } from "./config-error.ts";
import { type ConfigTree, isRawMap, type RawValue, type Source } from "./config-tree.ts";
import { type ConfigKey, keysAt, keysBelow } from "./keys.ts";
import { nearestName } from "./nearest-name.ts";

type Issue = z.core.$ZodIssue;

/** What the schema found wrong, in a user's words and with the place where it was written. */
export function mistakesOfIssues(issues: readonly Issue[], tree: ConfigTree): RankedMistake[] {
  const found = issues.flatMap((issue) => located(issue, tree));
  return found.map(({ at, path, message }) => {
    return { source: at?.text ?? "defaults", path: path.join("."), message, rank: at?.rank ?? -1 };
  });
}

interface Located {
  readonly at: Source | undefined;
  readonly path: readonly string[];
  readonly message: string;
}

function located(issue: Issue, tree: ConfigTree): Located[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const keyPath = [...path, key];
      return { at: tree.sourceOfKey(keyPath), path: keyPath, message: unknownKeyText(keyPath, tree) };
    });
  }
  // The length of a text that stands where a list should be: that it is no list is said already.
  if ((issue.code === "too_small" || issue.code === "too_big") && issue.origin === "string") return [];
  return [{ at: tree.sourceOfValue(path), path, message: issueText(issue, path, tree.get(path)) }];
}

function issueText(issue: Issue, path: readonly string[], value: RawValue | undefined): string {
  if (issue.code === "custom") return issue.message;
  if ((issue.code === "too_small" || issue.code === "too_big") && issue.origin === "array") return issue.message;
  if (value === null) return "is empty: give it a value, or remove the line to get the default";
  if (issue.code === "invalid_union" && path.at(-1) === "type") {
    const known = keysBelow(path.slice(0, -1)).filter((key) => key.path.at(-1) === "type");
    const words = known.flatMap((key) => key.words).join(" or ");
    const reason = value === undefined ? "is missing" : `must be ${words}, not ${shown(value)}`;
    return value === undefined ? `${reason}: a listener of your own needs a type, ${words}` : reason;
  }
  if (value === undefined) return `is missing: it ${issue.message}`;
  return mayHoldSecret(path) ? issue.message : `${issue.message}, not ${shown(value)}`;
}

/** A password that stands a level too high is one all the same. */
function mayHoldSecret(path: readonly string[]): boolean {
  return [...keysAt(path), ...keysBelow(path)].some((key) => key.isSecret);
}

function unknownKeyText(path: readonly string[], tree: ConfigTree): string {
  const [parent, name] = [path.slice(0, -1), path.at(-1) ?? ""];
  const type = tree.get([...parent, "type"]);
  const siblings = keysBelow(parent);
  const elsewhere = siblings.find((key) => key.path.length === path.length && key.path.at(-1) === name);
  if (elsewhere?.variant !== undefined) return `is a key of listeners of type ${elsewhere.variant} only: remove it`;
  const isInVariant = (key: ConfigKey) => key.path.indexOf("*") < parent.length;
  const fitting = siblings.filter((key) => key.variant === undefined || key.variant === type || !isInVariant(key));
  const names = [...new Set(fitting.map((key) => key.path[parent.length] ?? ""))];
  const nearest = nearestName(name, names);
  return nearest === undefined
    ? `is no known key: ${parent.length === 0 ? "the sections" : "the keys"} here are ${names.join(", ")}`
    : `is no known key: did you mean ${nearest}?`;
}

function shown(value: RawValue | undefined): string {
  if (Array.isArray(value)) return "a list";
  if (isRawMap(value)) return "a map";
  const text = JSON.stringify(value) ?? "nothing";
  return text.length <= 60 ? text : `${text.slice(0, 57)}…"`;
}
