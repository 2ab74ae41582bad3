import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { loadConfig } from "../../src/config/load.ts";
import { configFile, load, mistakesOf } from "./config-file.ts";

describe("without a file", () => {
  const { config, file, warnings } = loadConfig({ environment: {} });

  it("is complete by its defaults", () => {
    expect(config.listeners).toEqual({
      mqtt: { type: "tcp", host: "127.0.0.1", port: 1883, connectionsMax: 10000, allowAnonymous: false, enabled: true },
      web: {
        type: "http",
        host: "127.0.0.1",
        port: 8083,
        mqttPath: "/mqtt",
        origins: "",
        connectionsMax: 10000,
        allowAnonymous: false,
        enabled: true,
      },
    });
    expect(config.mailboxes).toEqual({
      messagesMax: 1000,
      bytesMax: 16 * 1024 * 1024,
      whenFull: "reject-newest",
      timeToLiveSeconds: 0,
      classes: [],
    });
    expect(config.store).toMatchObject({
      directory: "./data",
      durability: "synced",
      messagesMax: 1_000_000,
      bytesMax: 1024 ** 3,
    });
    expect(config.retained).toEqual({ messagesMax: 100_000, bytesMax: 64 * 1024 * 1024 });
    expect(config.sessions).toEqual({
      expirySecondsMax: 604800,
      inFlightMax: 100,
      inboundInFlightMax: 1000,
      countMax: 10000,
    });
    expect(config.limits.packetBytesMax).toBe(4 * 1024 * 1024);
    expect(config.log).toEqual({ level: "info", format: "auto" });
  });

  it("names no file and warns of nothing", () => {
    expect(file).toBeUndefined();
    expect(warnings).toEqual([]);
  });
});

describe("precedence", () => {
  it("is defaults, file, environment, overrides", () => {
    const content = "sessions: { countMax: 2, inFlightMax: 2, inboundInFlightMax: 2 }";
    const { config } = load(content, {
      environment: { WAYPOST_SESSIONS__INFLIGHTMAX: "3", WAYPOST_SESSIONS__INBOUND_IN_FLIGHT_MAX: "3" },
      overrides: ["sessions.inboundInFlightMax=4"],
    });
    expect(config.sessions).toEqual({
      expirySecondsMax: 604800,
      countMax: 2,
      inFlightMax: 3,
      inboundInFlightMax: 4,
    });
  });

  it("merges listeners by name and keeps the rest of a default listener", () => {
    const { config } = load("listeners: { mqtt: { port: 2000 }, garden: { type: tcp, port: 2001 } }");
    expect(Object.keys(config.listeners)).toEqual(["mqtt", "web", "garden"]);
    expect(config.listeners.mqtt).toMatchObject({ type: "tcp", host: "127.0.0.1", port: 2000 });
    expect(config.listeners.garden).toMatchObject({ type: "tcp", port: 2001, enabled: true });
  });

  it("lets a later layer win even over a mistake", () => {
    expect(load("log: { level: loud }", { overrides: ["log.level=warn"] }).config.log.level).toBe("warn");
  });
});

describe("listeners", () => {
  it("may be switched off", () => {
    const { config } = load("listeners: { web: { enabled: false, port: 1883 } }");
    expect(config.listeners.web?.enabled).toBe(false);
  });

  it("need allowAnonymous on every host that is not loopback", () => {
    const [mistake, ...others] = mistakesOf("listeners:\n  mqtt:\n    host: 0.0.0.0\n");
    expect(mistake).toMatch(
      /^3:11 listeners\.mqtt\.host is 0\.0\.0\.0, which other machines can reach.*allowAnonymous: true/,
    );
    expect(others).toEqual([]);
    expect(mistakesOf("listeners: { mqtt: { host: '::', allowAnonymous: true } }")).toEqual([]);
    expect(mistakesOf("listeners: { mqtt: { host: 10.0.0.1, enabled: false } }")).toEqual([]);
    expect(mistakesOf("listeners: { mqtt: { host: '::1' } }")).toEqual([]);
  });

  it.each([
    ["the same host", "127.0.0.1"],
    ["every network", "0.0.0.0"],
  ])("cannot share a port on %s", (_, host) => {
    const mistakes = mistakesOf(`listeners:\n  web: { host: ${host}, port: 1883, allowAnonymous: true }`);
    expect(mistakes).toEqual([expect.stringMatching(/^2:\d+ listeners\.web\.port is 1883, which listener mqtt uses/)]);
  });

  it("may share port 0, which is any free port", () => {
    expect(mistakesOf("listeners: { mqtt: { port: 0 }, web: { port: 0 } }")).toEqual([]);
  });

  it("need a type under a name of their own", () => {
    expect(mistakesOf("listeners:\n  garden:\n    port: 5")).toEqual([
      "2:3 listeners.garden.type is missing: a listener of your own needs a type, tcp or http",
    ]);
    expect(mistakesOf("listeners: { mqtt: { type: udp } }")).toEqual([
      '1:28 listeners.mqtt.type must be tcp or http, not "udp"',
    ]);
  });

  it("may be called constructor or toString", () => {
    const { config } = load("listeners: { constructor: { type: tcp, port: 0 }, toString: { type: tcp, port: 0 } }");
    expect(Object.keys(config.listeners)).toEqual(["mqtt", "web", "constructor", "toString"]);
    expect(Object.entries(config.listeners)[2]?.[1]).toMatchObject({ port: 0, host: "127.0.0.1" });
  });

  it("cannot be called __proto__", () => {
    expect(mistakesOf("listeners:\n  __proto__: { type: tcp }")).toEqual([
      "2:3 listeners.__proto__ is no listener name: use letters, digits and hyphens, a letter first",
    ]);
    expect(Object.hasOwn(Object.prototype, "type")).toBe(false);
  });

  it("have no keys of another type", () => {
    expect(mistakesOf("listeners: { mqtt: { mqttPath: /x } }")).toEqual([
      "1:22 listeners.mqtt.mqttPath is a key of listeners of type http only: remove it",
    ]);
  });
});

describe("mistakes", () => {
  it("are reported all at once, in the order of the file, then environment, then flags", () => {
    const content = "log:\n  level: loud\nlistners: {}\nlimits: { topicLevelsMax: 101, conectSeconds: 3 }\n";
    const environment = { WAYPOST_MAILBOXES__MESSAGES_MAX: "many", WAYPOST_LOG__LEVL: "info" };
    expect(mistakesOf(content, { environment, overrides: ["store.engine=redis", "nonsense"] })).toEqual([
      '2:10 log.level must be one of trace, debug, info, warn, error, silent, not "loud"',
      "3:1 listners is no known key: did you mean listeners?",
      "4:27 limits.topicLevelsMax must be a whole number from 1 to 100, not 101",
      "4:32 limits.conectSeconds is no known key: did you mean connectSeconds?",
      "environment:WAYPOST_LOG__LEVL is no setting: no key of log is called LEVL; did you mean level?",
      'environment:WAYPOST_MAILBOXES__MESSAGES_MAX mailboxes.messagesMax must be a whole number from 1 to 10000000, not "many"',
      '--set store.engine must be one of nedb, memory, not "redis"',
      "--set nonsense must be path=value, such as listeners.mqtt.port=1884",
    ]);
  });

  it("carry their parts and the code ERR_CONFIG_INVALID", () => {
    const file = configFile("log: { level: 3 }");
    const error = thrownBy(() => loadConfig({ file, environment: {} })) as ConfigError;
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.code).toBe("ERR_CONFIG_INVALID");
    expect(error.mistakes).toEqual([
      { source: `${file}:1:15`, path: "log.level", message: expect.stringContaining("must be one of") },
    ]);
  });

  it("say what an unknown key could have been", () => {
    expect(mistakesOf("zebra: 1")).toEqual([
      expect.stringContaining("the sections here are gateway, listeners, authentication, store"),
    ]);
    expect(mistakesOf("limits: { TopicBytes_max: 1 }")).toEqual([
      expect.stringContaining("did you mean topicBytesMax?"),
    ]);
  });

  it.each([
    ["gateway: 5", "1:10 gateway must be a map of keys and values, not 5"],
    ["gateway: [a]", "1:10 gateway must be a map of keys and values, not a list"],
    ["listeners: text", '1:12 listeners must be a map of listener names, not "text"'],
    ["listeners: { mqtt: 1883 }", "1:20 listeners.mqtt must be a map of keys and values, not 1883"],
    ["gateway:", "1:1 gateway is empty: give it a value, or remove the line to get the default"],
    ["gateway:\n  name: ~", "2:9 gateway.name is empty: give it a value, or remove the line to get the default"],
    [
      "listeners: { mqtt: null }",
      "1:20 listeners.mqtt is empty: give it a value, or remove the line to get the default",
    ],
    ["gateway: { name: '' }", '1:18 gateway.name must be text of 1 to 64 characters, not ""'],
    ["gateway: { name: 5 }", "1:18 gateway.name must be text of 1 to 64 characters, not 5"],
    ["sessions: { countMax: 1.5 }", "1:23 sessions.countMax must be a whole number from 1 to 10000000, not 1.5"],
    ["sessions: { countMax: 1e999 }", expect.stringMatching(/^1:23 sessions\.countMax must be a whole number/)],
    ["listeners: { mqtt: { enabled: yes } }", '1:31 listeners.mqtt.enabled must be true or false, not "yes"'],
    ["mailboxes: { bytesMax: 16MB/s }", expect.stringMatching(/^1:24 mailboxes\.bytesMax must be a size from 1B/)],
    ["limits: { packetBytesMax: 256MiB }", expect.stringMatching(/^1:27 limits\.packetBytesMax must be a size from/)],
    ["__proto__: { a: 1 }", "1:1 __proto__ is no known key: remove it"],
    ["constructor: 1", expect.stringMatching(/^1:1 constructor is no known key/)],
  ])("in %j are clear", (content, mistake) => {
    expect(mistakesOf(content)).toEqual([mistake]);
  });

  it.each([
    ["mailboxes.bytesMax", "mailboxes: { bytesMax: 1MiB }"],
    ["store.bytesMax", "store: { bytesMax: 1MiB }"],
    ["mailboxes.classes.1.bytesMax", "mailboxes: { classes: [{ topics: [a] }, { topics: [b], bytesMax: 1MiB }] }"],
  ])("warn of a limit that the largest packet never fits: %s", (key, content) => {
    expect(load(content).warnings).toEqual([
      expect.stringContaining(`${key} (1MiB) is smaller than limits.packetBytesMax (4MiB)`),
    ]);
  });
});

describe("a file that cannot be read", () => {
  it.each([
    ["does not exist", () => join(tmpdir(), "waypost-no-such-file.yaml")],
    ["is a directory", () => tmpdir()],
    ["is larger than 1MiB", () => configFile(`# ${"x".repeat(1024 * 1024)}`)],
    ["is not UTF-8 text", () => configFile(Uint8Array.of(0x6c, 0xff, 0xfe))],
  ])("%s", (text, file) => {
    const path = file();
    const error = thrownBy(() => loadConfig({ file: path, environment: {} }));
    expect(error).toMatchObject({ code: "ERR_CONFIG_UNREADABLE", message: expect.stringContaining(`${path} ${text}`) });
  });
});

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}
