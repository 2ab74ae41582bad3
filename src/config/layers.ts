import type { RankedMistake } from "./config-error.ts";
import type { ConfigTree, Source } from "./config-tree.ts";
import type { Environment } from "./interpolate.ts";
import { configKeys } from "./keys.ts";
import { plain } from "./nearest-name.ts";
import { readSettingFile } from "./read-setting-file.ts";
import { resolvePath } from "./resolve-path.ts";
import { valueOfText } from "./value-of-text.ts";

// Ranks above every offset in a file, so that mistakes are listed in the order of the layers.
const environmentRank = 2 ** 32;
const flagRank = 2 ** 33;

/** What ends the name of a variable that names a file. */
const fileSuffix = /_FILE$/i;

interface LayerReading {
  readonly mistakes: readonly RankedMistake[];
  readonly warnings: readonly string[];
}

/** A setting that a variable made. */
interface Setting {
  readonly name: string;
  readonly isFile: boolean;
}

interface Variable {
  readonly name: string;
  readonly value: string;
  readonly source: Source;
  readonly tree: ConfigTree;
  /** What earlier variables have set, by path. */
  readonly settings: Map<string, Setting>;
}

/**
 * Adds `WAYPOST_LISTENERS__MQTT__PORT=1884` and its like to the tree. Two underscores separate levels; case and single
 * underscores do not matter. `WAYPOST_…_FILE` names a file that holds the value. Variables
 * without `__` are not settings (an orchestrator sets WAYPOST_PORT and more for a service called waypost).
 */
export function readEnvironment(environment: Environment, tree: ConfigTree): LayerReading {
  const mistakes: RankedMistake[] = [];
  const warnings: string[] = [];
  const settings = new Map<string, Setting>();
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
    const mistake = setFromEnvironment(segments, { name, value, source, tree, settings });
    if (mistake !== undefined) mistakes.push({ source: source.text, rank: source.rank, ...mistake });
  }
  return { mistakes, warnings };
}

/** Sets the key that a variable names, or the one whose value is in the file that it names; or says what is wrong. */
function setFromEnvironment(
  segments: readonly string[],
  { name, value, source, tree, settings }: Variable,
): Pick<RankedMistake, "path" | "message"> | undefined {
  const whole = resolvePath(segments, tree, "environment");
  const isFile = typeof whole === "string" && fileSuffix.test(name);
  const path = isFile ? resolvePath(withoutSuffix(segments), tree, "environment") : whole;
  if (typeof path === "string") return { path: "", message: path };
  const other = settings.get(path.join("."));
  settings.set(path.join("."), { name, isFile });
  if (other !== undefined && (isFile || other.isFile)) {
    return { path: path.join("."), message: `is given by ${other.name} too: keep one of the two` };
  }
  const read = isFile ? readSettingFile(value) : { value };
  if ("mistake" in read) return { path: path.join("."), message: read.mistake };
  tree.set(path, valueOfText(path, read.value), source);
  return undefined;
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
    const resolved = resolvePath(name.split("."), tree, "flag");
    if (typeof resolved === "string")
      mistakes.push({ source: source.text, path: name, message: resolved, rank: source.rank });
    else tree.set(resolved, valueOfText(resolved, override.slice(equals + 1)), source);
  }
  return { mistakes, warnings: [] };
}

function withoutSuffix(segments: readonly string[]): string[] {
  return [...segments.slice(0, -1), segments.at(-1)?.replace(fileSuffix, "") ?? ""];
}

function variableOf(path: readonly string[]): string {
  return `WAYPOST_${path.join("__").toUpperCase()}`;
}
