import { ConfigError, type Mistake, type RankedMistake } from "./config-error.ts";
import { ConfigTree, isRawMap, rawMap } from "./config-tree.ts";
import { doubtsAbout } from "./doubts-about.ts";
import type { Environment } from "./interpolate.ts";
import { readEnvironment, readOverrides } from "./layers.ts";
import { mistakesOfIssues } from "./mistakes-of-issues.ts";
import { readConfigFile } from "./read-file.ts";
import { readYaml } from "./read-yaml.ts";
import { configSchema, defaultListeners, type GatewayConfig } from "./schema.ts";

export interface ConfigSources {
  /** Path of a YAML file, as the user wrote it: it appears in mistakes. Without it, only the defaults apply. */
  readonly file?: string | undefined;
  /** Usually process.env: `WAYPOST_…__…` settings, and what `${VAR}` in the file stands for. */
  readonly environment: Environment;
  /** `path=value`, as given with `--set`. */
  readonly overrides?: readonly string[] | undefined;
}

export interface LoadedConfig {
  readonly config: GatewayConfig;
  readonly file: string | undefined;
  /** What is allowed but probably not meant, one line each. */
  readonly warnings: readonly string[];
}

/**
 * The configuration of a gateway: defaults < file < environment < overrides, validated.
 *
 * Errors: ConfigError (ERR_CONFIG_INVALID) with every mistake at once; WaypostError ERR_CONFIG_UNREADABLE for the file.
 */
export function loadConfig({ file, environment, overrides = [] }: ConfigSources): LoadedConfig {
  const tree = new ConfigTree();
  const mistakes: RankedMistake[] = [];
  const warnings: string[] = [];
  let readable = true;
  if (file !== undefined) {
    const reading = readYaml(file, readConfigFile(file), environment, tree);
    mistakes.push(...reading.mistakes);
    warnings.push(...reading.warnings);
    readable = reading.readable;
  }
  addDefaultListeners(tree);
  for (const reading of [readEnvironment(environment, tree), readOverrides(overrides, tree)]) {
    mistakes.push(...reading.mistakes);
    warnings.push(...reading.warnings);
  }
  const parsed = configSchema.safeParse(tree.root);
  // Values of a file that could not be read are missing: what the schema says about the rest would mislead.
  if (!parsed.success && readable) addUnlessKnown(mistakes, mistakesOfIssues(parsed.error.issues, tree));
  if (!parsed.success || mistakes.length > 0) throw new ConfigError(inOrder(mistakes));
  return { config: parsed.data, file, warnings: [...warnings, ...doubtsAbout(parsed.data)] };
}

/** `listeners: { mqtt: { port: 1884 } }` changes the port of the default listener and keeps the rest of it. */
function addDefaultListeners(tree: ConfigTree): void {
  const written = tree.root.listeners;
  if (written !== undefined && !isRawMap(written)) return;
  const listeners = rawMap();
  for (const [name, defaults] of Object.entries(defaultListeners)) {
    const own = written?.[name];
    listeners[name] = own === undefined || isRawMap(own) ? Object.assign(rawMap(), defaults, own) : own;
  }
  tree.root.listeners = Object.assign(listeners, written === undefined ? {} : withoutDefaults(written));
}

function withoutDefaults(written: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(written).filter(([name]) => !Object.hasOwn(defaultListeners, name)));
}

/** What reading found wrong with a value, the schema finds wrong once more, in words that help less. */
function addUnlessKnown(mistakes: RankedMistake[], more: readonly RankedMistake[]): void {
  const known = new Set(mistakes.map(({ source, path }) => JSON.stringify([source, path])));
  mistakes.push(...more.filter(({ source, path }) => !known.has(JSON.stringify([source, path]))));
}

function inOrder(mistakes: readonly RankedMistake[]): Mistake[] {
  const sorted = mistakes.toSorted((left, right) => left.rank - right.rank);
  return sorted.map(({ source, path, message }) => ({ source, path, message }));
}
