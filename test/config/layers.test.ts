import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { type LoadedConfig, loadConfig } from "../../src/config/load.ts";

const withEnvironment = (environment: Record<string, string | undefined>) => loadConfig({ environment });
const withOverrides = (...overrides: string[]) => loadConfig({ environment: {}, overrides });

function messageOf(work: () => LoadedConfig): string {
  try {
    work();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

describe("the environment", () => {
  it.each([
    "WAYPOST_LISTENERS__MQTT__CONNECTIONSMAX",
    "WAYPOST_LISTENERS__MQTT__CONNECTIONS_MAX",
    "waypost_listeners__mqtt__connectionsMax",
  ])("sets a key by %s", (name) => {
    expect(withEnvironment({ [name]: "7" }).config.listeners.mqtt?.connectionsMax).toBe(7);
  });

  it("keeps text as text and reads the rest as YAML does", () => {
    const { config } = withEnvironment({
      WAYPOST_GATEWAY__NAME: "true",
      WAYPOST_LISTENERS__WEB__ENABLED: "false",
      WAYPOST_MAILBOXES__BYTES_MAX: "64KiB",
      WAYPOST_LIMITS__PACKET_BYTES_MAX: "1024",
    });
    expect(config.gateway.name).toBe("true");
    expect(config.listeners.web?.enabled).toBe(false);
    expect(config.mailboxes.bytesMax).toBe(65536);
    expect(config.limits.packetBytesMax).toBe(1024);
  });

  it("adds a listener", () => {
    const { config } = withEnvironment({
      WAYPOST_LISTENERS__BACK_YARD__TYPE: "tcp",
      WAYPOST_LISTENERS__BACK_YARD__PORT: "0",
    });
    expect(config.listeners["back-yard"]).toMatchObject({ type: "tcp", port: 0 });
  });

  it("may hold variables that are no settings", () => {
    const { warnings } = withEnvironment({
      WAYPOST_CONFIG: "x",
      WAYPOST_PORT: "tcp://10.0.0.1:1883",
      PATH: "/bin",
      WAYPOST_X__: undefined,
    });
    expect(warnings).toEqual([]);
  });

  it("gets a warning for one underscore in the place of two", () => {
    expect(withEnvironment({ WAYPOST_LOG_LEVEL: "debug" }).warnings).toEqual([
      "environment:WAYPOST_LOG_LEVEL is ignored: write two underscores between levels, WAYPOST_LOG__LEVEL",
    ]);
  });

  it.each([
    ["WAYPOST_LOGS__LEVEL", "is no setting: no section is called LOGS; did you mean log?"],
    ["WAYPOST_LOG__LEVEL__X", "is no setting: log.level has nothing below it"],
    ["WAYPOST_LISTENERS__MQTT", "is no setting: listeners.mqtt is a section, name one key in it"],
    ["WAYPOST___PROTO____X", expect.any(String)],
    ["WAYPOST_LISTENERS____PROTO____PORT", expect.any(String)],
  ])("that names no key by %s is a mistake", (name, text) => {
    const message = messageOf(() => withEnvironment({ [name]: "1" }));
    expect(message.startsWith(`environment:${name} `)).toBe(true);
    expect(message.replace(`environment:${name} `, "")).toEqual(text);
  });

  it("with an empty value is a mistake", () => {
    expect(messageOf(() => withEnvironment({ WAYPOST_LOG__LEVEL: "" }))).toMatch(
      /^environment:WAYPOST_LOG__LEVEL log\.level is empty/,
    );
  });
});

describe("--set", () => {
  it("sets keys, the last one wins, and a value may hold anything", () => {
    const { config } = withOverrides(
      "listeners.mqtt.port=0",
      "log.level=warn",
      "LOG.LEVEL=debug",
      "gateway.name=a=b: {c}",
    );
    expect(config.listeners.mqtt?.port).toBe(0);
    expect(config.log.level).toBe("debug");
    expect(config.gateway.name).toBe("a=b: {c}");
  });

  it.each([
    ["log.level", "--set log.level must be path=value, such as listeners.mqtt.port=1884"],
    ["=1", "--set =1 must be path=value, such as listeners.mqtt.port=1884"],
    ["log.levle=info", "--set log.levle is no setting: no key of log is called levle; did you mean level?"],
    ["log=info", "--set log is no setting: log is a section, name one key in it"],
    ["log.level=", "--set log.level is empty: give it a value, or remove the line to get the default"],
    ["listeners.mqtt.port=[1]", expect.stringContaining("--set listeners.mqtt.port must be a whole number")],
    ["listeners.mqtt.port=*x", expect.stringContaining("--set listeners.mqtt.port must be a whole number")],
  ])("%s is a clear mistake", (override, text) => {
    expect(messageOf(() => withOverrides(override))).toEqual(text);
  });
});
