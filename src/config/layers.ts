import type { RankedMistake } from "./config-error.ts";
import { type ConfigTree, isRawMap, type Source } from "./config-tree.ts";
import type { Environment } from "./interpolate.ts";
import { type ConfigKey, configKeys, keysAt, keysBelow } from "./keys.ts";
import { nearestName, plain } from "./nearest-name.ts";
import { listenerNamePattern } from "./schema.ts";
import { valueOfText } from "./value-of-text.ts";

// Ranks above every offset in a file, so that mistakes are listed in the order of the layers.
const environmentRank = 2 ** 32;
const flagRank = 2 ** 33;

interface LayerReading {
  readonly mistakes: readonly RankedMistake[];
  readonly warnings: readonly string[];
}

/**
 * Adds `WAYPOST_LISTENERS__MQTT__PORT=1884` and its like to the tree. Two underscores separate levels; case and single
 * underscores do not matter. Variables without `__` are not settings (an orchestrator sets WAYPOST_PORT and more for a service called waypost).
 */
export function readEnvironment(environment: Environment, tree: ConfigTree): LayerReading {
  const mistakes: RankedMistake[] = [];
  const warnings: string[] = [];
  const names = Object.keys(environment).filter((name) => /^WAYPOST_./i.test(name));
  for (const [index, name] of names.sort().entries()) {
    const value = environment[name];
    if (value === undefined) continue;
    const source = { text: `environment:${name}`, rank: environmentRank + index };
    const segments = name.slice("WAYPOST_".length).split("__");
    if (segments.length === 1) {
      const meant = configKeys().find(
        (key) => key.path.length > 1 && plain(key.path.join("")) === plain(name.slice(8)),
      );
      if (meant !== undefined) {
        warnings.push(`${source.text} is ignored: write two underscores between levels, ${variableOf(meant.path)}`);
      }
      continue;
    }
    const resolved = resolvePath(segments, tree);
    if (typeof resolved === "string")
      mistakes.push({ source: source.text, path: "", message: resolved, rank: source.rank });
    else tree.set(resolved, valueOfText(resolved, value), source);
  }
  return { mistakes, warnings };
}

/** Adds `listeners.mqtt.port=1884` and its like, the values of `--set`, to the tree. */
export function readOverrides(overrides: readonly string[], tree: ConfigTree): LayerReading {
  const mistakes: RankedMistake[] = [];
  for (const [index, override] of overrides.entries()) {
    const source: Source = { text: "--set", rank: flagRank + index };
    const equals = override.indexOf("=");
    if (equals < 1) {
      const message = "must be path=value, such as listeners.mqtt.port=1884";
      mistakes.push({ source: source.text, path: override, message, rank: source.rank });
      continue;
    }
    const name = override.slice(0, equals);
    const resolved = resolvePath(name.split("."), tree);
    if (typeof resolved === "string")
      mistakes.push({ source: source.text, path: name, message: resolved, rank: source.rank });
    else tree.set(resolved, valueOfText(resolved, override.slice(equals + 1)), source);
  }
  return { mistakes, warnings: [] };
}

/** The path of a key spelt in any case; or, as text, what is wrong with it. */
function resolvePath(segments: readonly string[], tree: ConfigTree): string[] | string {
  const path: string[] = [];
  for (const segment of segments) {
    const below = keysBelow(path);
    const list = keysAt(path).find(isList);
    if (list !== undefined) return `is no setting: ${path.join(".")} is a list, give it whole as ${exampleOf(list)}`;
    if (below.length === 0) return `is no setting: ${path.join(".")} has nothing below it`;
    const names = new Set(below.map((key) => key.path[path.length] ?? ""));
    const name = names.has("*")
      ? userName(segment, path, tree)
      : [...names].find((known) => plain(known) === plain(segment));
    if (name === undefined) {
      const nearest = nearestName(
        segment,
        [...names].filter((known) => known !== "*"),
      );
      const where = path.length === 0 ? "section" : `key of ${path.join(".")}`;
      if (names.has("*"))
        return `is no setting: ${JSON.stringify(segment)} is no name, use letters, digits and hyphens`;
      return `is no setting: no ${where} is called ${segment}${nearest === undefined ? `; there are ${[...names].join(", ")}` : `; did you mean ${nearest}?`}`;
    }
    path.push(name);
  }
  return keysAt(path).length > 0 ? path : `is no setting: ${path.join(".")} is a section, name one key in it`;
}

function isList({ kind }: ConfigKey): boolean {
  return kind === "maps" || kind === "texts";
}

function exampleOf({ path, kind }: ConfigKey): string {
  const below = keysBelow(path).map((key) => `${key.path.at(-1)}: …`);
  return kind === "maps" ? `[{${below.slice(0, 2).join(", ")}}]` : "[…, …]";
}

/** A name that the user chose: the one that exists already in this spelling, or else one made of the segment. */
function userName(segment: string, path: readonly string[], tree: ConfigTree): string | undefined {
  const siblings = tree.get(path);
  const existing = isRawMap(siblings) ? Object.keys(siblings) : [];
  const found = existing.find((name) => plain(name) === plain(segment));
  if (found !== undefined) return found;
  const made = segment.toLowerCase().replaceAll("_", "-");
  return listenerNamePattern.test(made) ? made : undefined;
}

function variableOf(path: readonly string[]): string {
  return `WAYPOST_${path.join("__").toUpperCase()}`;
}
