import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { configJsonSchema } from "../../src/config/json-schema.ts";
import { configKeys } from "../../src/config/keys.ts";
import { loadConfig } from "../../src/config/load.ts";
import { configReference } from "../../src/config/reference.ts";

const contents = (file: string) => readFileSync(new URL(`../../config/${file}`, import.meta.url), "utf8");
const load = (file: string) => loadConfig({ file: `config/${file}`, environment: {} });

describe("the folder config", () => {
  it("has the JSON Schema of the schema (or else: npm run schema)", () => {
    expect(contents("waypost.schema.json")).toBe(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
  });

  it("has the reference of the schema (or else: npm run schema)", () => {
    expect(contents("README.md")).toBe(configReference());
  });

  it("has a waypost.yaml that is the defaults, with every key", () => {
    expect(load("waypost.yaml").config).toEqual(loadConfig({ environment: {} }).config);
    const written: unknown = parse(contents("waypost.yaml"));
    for (const { path } of configKeys()) {
      if (path.includes("[]")) continue; // the list is written, and empty
      if (["authentication", "queues", "groups", "bridges"].includes(path[0] ?? "")) continue; // maps by name too
      const names = path[1] === "*" ? ["mqtt", "web"] : [path[1] ?? ""];
      const has = names.some((name) => valueAt(written, [path[0] ?? "", name, ...path.slice(2)]) !== undefined);
      expect(has, path.join(".")).toBe(true);
    }
  });

  it("has a raspberry-pi.yaml without mistakes and warnings that listens on the network", () => {
    const { config, warnings } = load("raspberry-pi.yaml");
    expect(warnings).toEqual([]);
    expect(config.listeners.mqtt).toMatchObject({ host: "0.0.0.0", port: 1883, allowAnonymous: true });
  });

  it("has a bridge.yaml without mistakes and warnings that has a bridge", () => {
    const { config, warnings } = load("bridge.yaml");
    expect(warnings).toEqual([]);
    expect(Object.keys(config.bridges)).toHaveLength(1);
  });

  it("has a work.yaml without mistakes and warnings that has queues and groups", () => {
    const { config, warnings } = load("work.yaml");
    expect(warnings).toEqual([]);
    expect(config.queues.jobs?.priorities).toHaveLength(2);
    expect(config.queues.orders).toMatchObject({ dispatch: "by-key", keyProperty: "customer", keyTopicLevel: 2 });
    expect(config.groups["floor-2"]).toEqual({ members: ["sensor-2-*", "hvac-7"], qos: 2 });
  });

  it("has a waypost.yaml whose comment shows every key of a queue, a group and a bridge", () => {
    for (const { path } of configKeys()) {
      if (!["queues", "groups", "bridges"].includes(path[0] ?? "")) continue;
      expect(contents("waypost.yaml")).toMatch(new RegExp(`^# .*\\b${path.at(-1)}:`, "m"));
    }
  });

  it.each(["waypost.yaml", "raspberry-pi.yaml", "work.yaml"])("tells editors the schema of %s", (file) => {
    expect(contents(file).split("\n")[0]).toBe("# yaml-language-server: $schema=./waypost.schema.json");
  });
});

describe("the schema", () => {
  it("gives every key a meaning", () => {
    for (const key of configKeys()) expect(key.doc, key.path.join(".")).not.toBe("");
  });
});

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((map, name) => (map as Record<string, unknown> | undefined)?.[name], value);
}
