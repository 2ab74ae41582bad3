// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${VAR} in a configuration file is what is tested
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { load, mistakesOf } from "./config-file.ts";

const defaults = loadConfig({ environment: {} }).config;

describe("YAML", () => {
  it.each([
    ["nothing", ""],
    ["comments", "# only\n"],
    ["a document marker", "---\n"],
    ["null", "null"],
    ["a byte order mark", "\uFEFF"],
  ])("that holds %s gives the defaults", (_, content) => {
    expect(load(content).config).toEqual(defaults);
  });

  it("with wrong syntax is a mistake at its place, and its values are not judged", () => {
    const mistakes = mistakesOf('log:\n  level: "loud\nlimits: { topicLevelsMax: 0 }\n');
    expect(mistakes.length).toBeGreaterThan(0);
    for (const mistake of mistakes) expect(mistake).toMatch(/^\d+:\d+ is not valid YAML: /);
  });

  it("with a key given twice says which and where", () => {
    expect(mistakesOf("log:\n  level: info\n  level: warn\n")).toEqual([
      "3:3 log.level is given twice in the same map: keep one of the two",
    ]);
  });

  it("with a tab, two documents, a list or a plain text is a clear mistake", () => {
    expect(mistakesOf("log:\n\tlevel: info\n")[0]).toMatch(/^2:\d+ .*tab/i);
    expect(mistakesOf("log: {}\n---\nlog: {}\n")).toEqual([
      "2:1 starts a second YAML document: a configuration is one document",
    ]);
    for (const content of ["- a", "just text", "5"]) {
      expect(mistakesOf(content)).toEqual([expect.stringMatching(/^1:1 the configuration must be a map/)]);
    }
  });

  it("may use anchors", () => {
    const { config } = load("sessions: { inFlightMax: &x 5, countMax: *x }");
    expect(config.sessions).toMatchObject({ inFlightMax: 5, countMax: 5 });
  });

  it("with an alias bomb ends quickly", () => {
    const levels = Array.from({ length: 12 }, (_, n) => `k${n + 1}: &a${n + 1} [${`*a${n}, `.repeat(10)}]`);
    const mistakes = mistakesOf(`k0: &a0 [x]\n${levels.join("\n")}\n`);
    expect(mistakes).toEqual([expect.stringContaining("is nested too deeply or repeats too much through aliases")]);
  });

  it("with an alias of itself ends", () => {
    expect(mistakesOf("gateway: &a { name: *a }")).toEqual([expect.stringContaining("is nested too deeply")]);
  });

  it("with an alias of nothing is a mistake", () => {
    expect(mistakesOf("gateway: *nowhere")).toEqual([expect.stringMatching(/^1:10 /)]);
  });

  it.each([
    ["flow lists", "["],
    ["flow maps", "{a: "],
    ["block lists", "- "],
  ])("with thousands of nested %s is a mistake", (_, opener) => {
    expect(mistakesOf(`gateway:\n  ${opener.repeat(20_000)}`).length).toBeGreaterThan(0);
  });

  it("with keys that are not text is a mistake", () => {
    expect(mistakesOf("? [a, b]\n: 1\n")).toEqual([expect.stringContaining("has a key that is not text")]);
    expect(mistakesOf("? \n: 1\n")).toEqual([expect.stringContaining("has a key that is not text")]);
    expect(mistakesOf("5: 1")).toEqual([expect.stringMatching(/^1:1 5 is no known key/)]);
  });

  it("in random fragments never ends in anything but mistakes", () => {
    const words = [
      "listeners",
      "log",
      "mqtt",
      "port",
      "__proto__",
      ":",
      " ",
      "\n",
      "  ",
      "- ",
      "{",
      "}",
      "[",
      "]",
      "&a",
      "*a",
      "!!map",
      "${X}",
      "'",
      '"',
      "?",
      "|",
      "%YAML 1.1\n",
      "~",
      "5",
      ",",
    ];
    let seed = 1;
    const next = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed;
    };
    for (let round = 0; round < 500; round++) {
      const content = Array.from({ length: next() % 25 }, () => words[next() % words.length]).join("");
      expect(() => mistakesOf(content), JSON.stringify(content)).not.toThrow();
    }
  });
});

describe("${VAR} in a file", () => {
  const environment = { SITE: "porch", PORT: "2000", EMPTY: "", NUMBER: "42", REF: "${SITE}" };

  it("is replaced from the environment", () => {
    const { config } = load('gateway: { name: "the ${SITE} of ${NUMBER}" }\nlisteners: { mqtt: { port: "${PORT}" } }', {
      environment,
    });
    expect(config.gateway.name).toBe("the porch of 42");
    expect(config.listeners.mqtt?.port).toBe(2000);
  });

  it("stays text where text is wanted, and is a number where a number is", () => {
    const { config } = load("gateway:\n  name: ${NUMBER}\nsessions:\n  countMax: ${NUMBER}", { environment });
    expect(config.gateway.name).toBe("42");
    expect(config.sessions.countMax).toBe(42);
  });

  it("is not replaced twice", () => {
    expect(load("gateway:\n  name: ${REF}", { environment }).config.gateway.name).toBe("${SITE}");
  });

  it("is literal after another dollar sign", () => {
    expect(load("gateway:\n  name: $${SITE} $5", { environment }).config.gateway.name).toBe("${SITE} $5");
  });

  it("that is missing is a mistake at its place, as is each one that names no variable", () => {
    expect(mistakesOf("gateway:\n  name: ${A}${B}\nlog:\n  level: ${x y}", { environment })).toEqual([
      "2:9 gateway.name needs the environment variable A, which is not set: set it, or write $${ for a literal ${",
      "2:9 gateway.name needs the environment variable B, which is not set: set it, or write $${ for a literal ${",
      '4:10 log.level has "${x y}", which names no variable: write ${NAME}, or $${ for a literal ${',
    ]);
    expect(mistakesOf("gateway: { name: '${toString}' }")[0]).toContain("toString, which is not set");
  });

  it("that is empty is an empty value", () => {
    expect(mistakesOf("gateway:\n  name: ${EMPTY}", { environment })).toEqual([
      expect.stringMatching(/^2:9 gateway\.name/),
    ]);
  });
});
