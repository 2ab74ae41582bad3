import { describe, expect, it } from "vitest";
import { configJsonSchema } from "../../src/config/json-schema.ts";
import { loadConfig } from "../../src/config/load.ts";
import { configFile, load, mistakesOf } from "./config-file.ts";

const verifier =
  "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
const other = verifier.replace("4096", "5000");
const users = (content: string) => `authentication:\n  users:\n    ${content}\n`;
const usersOf = (content: string, sources = {}) => load(content, sources).config.authentication.users;

describe("authentication.users", () => {
  it("are none by default", () => {
    expect(usersOf("")).toEqual({});
  });

  it("have names and verifiers, quoted or not", () => {
    expect(usersOf(users(`alice: { password: "${verifier}" }\n    Bob 2:\n      password: ${other}`))).toEqual({
      alice: { password: verifier },
      "Bob 2": { password: other },
    });
  });

  it("take their verifiers from variables", () => {
    expect(usersOf(users(`alice: { password: "$\{ALICE}" }`), { environment: { ALICE: verifier } })).toEqual({
      alice: { password: verifier },
    });
  });

  it("may be called constructor or toString", () => {
    const names = Object.keys(
      usersOf(users(`constructor: { password: ${verifier} }\n    toString: { password: ${other} }`)),
    );
    expect(names).toEqual(["constructor", "toString"]);
  });

  it.each([
    ["__proto__: {}", "__proto__ is no user name: a configuration cannot hold it, choose another"],
    ["'': {}", " is no user name: it must have 1 to 128 characters"],
    [`${"x".repeat(129)}: {}`, `${"x".repeat(129)} is no user name: it must have 1 to 128 characters`],
    ['"a\\u0007": {}', "a\u0007 is no user name: it has characters that cannot be printed, leave them out"],
    ["Ⅸ: {}", 'Ⅸ is no user name: clients that authenticate by SCRAM send it as "IX", write that'],
  ])("are not called %j", (content, mistake) => {
    expect(mistakesOf(users(content))).toEqual([`3:5 authentication.users.${mistake}`]);
  });

  it("are described to editors, without Waypost's own words", () => {
    const text = JSON.stringify(configJsonSchema());
    expect(text).toContain("waypost passwd");
    expect(text).not.toContain('"secret"');
  });
});

describe("a password that is no verifier", () => {
  it.each([
    ["alice: hunter2", "3:12 authentication.users.alice must be a map of keys and values"],
    ["alice: [hunter2]", "3:12 authentication.users.alice must be a map of keys and values"],
    ["alice: { password: [hunter2] }", expect.stringContaining("password must be the verifier of a password")],
    ["alice: { password: 20072007 }", expect.stringContaining("password must be the verifier of a password")],
    ["alice: { password: true }", expect.stringContaining("password must be the verifier of a password")],
    ["alice: {}", expect.stringContaining("password is missing: it must be the verifier")],
    ["alice: { password: }", expect.stringContaining("password is empty")],
    [
      "alice: { password: hunter2 }",
      expect.stringMatching(/^3:24 authentication\.users\.alice\.password is no verifier/),
    ],
    [`alice: { password: "${verifier.slice(0, -4)}" }`, expect.stringContaining("its ServerKey must be 32 bytes")],
    ["alice: { pasword: hunter2 }", expect.stringContaining("pasword is no known key: did you mean password?")],
  ])("in %j is a mistake that does not show it", (content, mistake) => {
    const mistakes = mistakesOf(users(content));
    expect(mistakes).toContainEqual(mistake);
    for (const text of mistakes) expect(text).not.toMatch(/hunter2|2007|true|W22Z/);
  });

  it.each(["authentication: hunter2", "authentication: { users: hunter2 }", "authentication: { users: [hunter2] }"])(
    "in %j is a mistake that does not show it",
    (content) => {
      expect(mistakesOf(content)).toEqual([expect.stringMatching(/must be a map/)]);
      expect(mistakesOf(content).join()).not.toContain("hunter2");
    },
  );

  it("is a mistake that names waypost passwd, wherever it was given", () => {
    const overrides = ["authentication.users.alice.password=hunter2"];
    expect(mistakesOf("", { overrides })).toEqual([
      "--set authentication.users.alice.password is no verifier: it has not the form SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>. It is not the password itself: print its verifier with `waypost passwd`",
    ]);
  });
});

describe("a listener that other machines can reach", () => {
  const listeners = "listeners:\n  mqtt:\n    host: 0.0.0.0\n";

  it("is fine where there are users", () => {
    expect(mistakesOf(listeners + users(`alice: { password: ${verifier} }`))).toEqual([]);
  });

  it("needs them, or a word that it is meant to be open", () => {
    expect(mistakesOf(`${listeners}authentication: { users: {} }`)).toEqual([
      "3:11 listeners.mqtt.host is 0.0.0.0, which other machines can reach, and without users anyone there could publish and read everything. Name users under authentication.users (`waypost passwd` prints their entries), or listen on 127.0.0.1, or set allowAnonymous: true on this listener if you accept that",
    ]);
  });

  it("is not complained about where the users are wrong, which is said", () => {
    expect(mistakesOf(listeners + users("alice: { password: hunter2 }"))).toEqual([
      expect.stringContaining("authentication.users.alice.password is no verifier"),
    ]);
  });

  it("is complained about beside mistakes elsewhere", () => {
    expect(mistakesOf(`${listeners}log: { level: loud }`)).toEqual([
      expect.stringContaining("listeners.mqtt.host is 0.0.0.0"),
      expect.stringContaining("log.level must be"),
    ]);
  });
});

describe("users from the environment and from flags", () => {
  const variable = "WAYPOST_AUTHENTICATION__USERS__SENSOR_1__PASSWORD";

  it("are made in lower case by a variable, and as they are spelt by a flag", () => {
    expect(Object.keys(usersOf("", { environment: { [variable]: verifier } }))).toEqual(["sensor_1"]);
    const overrides = [`authentication.users.Sensor_1.password=${verifier}`];
    expect(Object.keys(usersOf("", { overrides }))).toEqual(["Sensor_1"]);
  });

  it.each(["sensor_1", "sensor-1", "Sensor_1"])("change the one that the file calls %s", (name) => {
    const content = users(`${name}: { password: "${verifier}" }\n    sensor1: { password: "${verifier}" }`);
    expect(usersOf(content, { environment: { [variable]: other } })).toEqual({
      [name]: { password: other },
      sensor1: { password: verifier },
    });
  });

  it("change none where several could be meant", () => {
    const content = users(`sensor_1: { password: "${verifier}" }\n    sensor-1: { password: "${verifier}" }`);
    expect(mistakesOf(content, { environment: { [variable]: other } })).toEqual([
      `environment:${variable} is no setting: SENSOR_1 can be any of sensor_1, sensor-1: give it in the file`,
    ]);
  });

  it("are not called __proto__", () => {
    expect(mistakesOf("", { overrides: [`authentication.users.__proto__.password=${verifier}`] })).toEqual([
      '--set authentication.users.__proto__.password is no setting: "__proto__" is no user name: a configuration cannot hold it, choose another',
    ]);
  });
});

describe("a variable that ends with _FILE", () => {
  const variable = "WAYPOST_AUTHENTICATION__USERS__ALICE__PASSWORD_FILE";
  const withFile = (file: string) => ({ environment: { [variable]: file } });

  it.each(["", "\n", "\r\n"])("names a file that holds the value, with %j at its end", (end) => {
    expect(loadConfig(withFile(configFile(verifier + end))).config.authentication.users).toEqual({
      alice: { password: verifier },
    });
  });

  it("does so for each setting", () => {
    const environment = { WAYPOST_LISTENERS__MQTT__PORT_FILE: configFile("1999\n") };
    expect(loadConfig({ environment }).config.listeners.mqtt?.port).toBe(1999);
  });

  it.each([
    ["is empty", () => ""],
    ["does not exist", () => "/no/such/file"],
    ["is a directory", () => "/"],
    ["is larger than 64KiB", () => configFile("x".repeat(65_537))],
    ["is empty", () => configFile("\n")],
    ["is no verifier", () => configFile("hunter2")],
  ])("is a mistake where the file %s", (text, file) => {
    const mistakes = mistakesOf("", withFile(file()));
    expect(mistakes).toEqual([
      expect.stringMatching(`^environment:${variable} authentication\\.users\\.alice\\.password`),
    ]);
    expect(mistakes[0]).toContain(text);
    expect(mistakes[0]).not.toContain("hunter2");
  });

  it("is a mistake beside the one that gives the value itself", () => {
    const environment = { [variable]: configFile(verifier), [variable.replace("_FILE", "")]: verifier };
    expect(mistakesOf("", { environment })).toEqual([
      `environment:${variable} authentication.users.alice.password is given by ${variable.replace("_FILE", "")} too: keep one of the two`,
    ]);
  });

  it("is a mistake where there is no such setting", () => {
    expect(mistakesOf("", { environment: { WAYPOST_LOG__LEVL_FILE: "x" } })).toEqual([
      "environment:WAYPOST_LOG__LEVL_FILE is no setting: no key of log is called LEVL; did you mean level?",
    ]);
  });
});
