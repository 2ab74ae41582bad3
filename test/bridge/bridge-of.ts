import type { BridgeSettings } from "../../src/bridge/bridge-settings.ts";
import { loadConfig } from "../../src/config/load.ts";

/** The settings of a bridge as a configuration makes them, every key it does not give at its default. `topics` is YAML. */
export function bridgeOf(topics: string, more: readonly string[] = []): BridgeSettings {
  const overrides = [`bridges.b.topics=${topics}`, ...more.map((each) => `bridges.b.${each}`)];
  const { config } = loadConfig({
    environment: {},
    overrides: ["bridges.b.url=mqtt://upstream.example", ...overrides],
  });
  return config.bridges.b as BridgeSettings;
}
