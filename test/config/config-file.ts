import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { type ConfigSources, type LoadedConfig, loadConfig } from "../../src/config/load.ts";

/** Writes a configuration file that is removed after the test; returns its path. */
export function configFile(content: string | Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), "waypost-config-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "w.yaml");
  writeFileSync(file, content);
  return file;
}

export function load(content: string, sources: Partial<ConfigSources> = {}): LoadedConfig {
  return loadConfig({ environment: {}, ...sources, file: configFile(content) });
}

/** The mistakes of a configuration, one `line:column path message` each (`environment:…` and `--set` as they are). */
export function mistakesOf(content: string, sources: Partial<ConfigSources> = {}): string[] {
  const file = configFile(content);
  try {
    loadConfig({ environment: {}, ...sources, file });
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n").map((line) => line.replace(`${file}:`, ""));
    throw error;
  }
  return [];
}
