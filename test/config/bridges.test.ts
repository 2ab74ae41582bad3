import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { configJsonSchema } from "../../src/config/json-schema.ts";
import { configKeys } from "../../src/config/keys.ts";
import { loadConfig } from "../../src/config/load.ts";
import { load, mistakesOf } from "./config-file.ts";

const minimal = { url: "url: mqtt://upstream.example", topics: "topics: [{ filter: telemetry/# }]" };

/** The bridge `cloud` with these keys, and with those that it needs where they are not among them. */
function cloud(...keys: string[]): string {
  const needed = Object.entries(minimal).filter(([name]) => !keys.some((key) => key.startsWith(`${name}:`)));
  const all = [...keys, ...needed.map(([, text]) => text)];
  return `bridges:\n  cloud:\n${all.map((key) => `    ${key}\n`).join("")}`;
}

const rules = (...all: string[]) => cloud(`topics: [${all.join(", ")}]`);
const cloudOf = (content: string, sources = {}) => load(content, sources).config.bridges.cloud;
const messagesOf = (content: string, sources = {}) =>
  mistakesOf(content, sources).map((line) => line.replace(/^\d+:\d+ bridges\.cloud\./, ""));

const rule = {
  filter: "telemetry/#",
  direction: "up",
  exclude: [],
  localPrefix: "",
  remotePrefix: "",
  qos: 2,
  qosMin: 0,
  retain: "keep",
  share: "",
  outage: "live-first",
  liveSharePercent: 50,
  keepTopicOrder: true,
  lastValue: false,
  sampleSeconds: 0,
  timeToLiveSeconds: 0,
  messagesMax: 100_000,
  bytesMax: 64 * 1024 * 1024,
  whenFull: "reject-newest",
  priority: 4,
};

const bridge = {
  enabled: true,
  url: ["mqtt://upstream.example"],
  clientId: "",
  username: "",
  password: "",
  tls: { ca: "", cert: "", key: "", serverName: "", verify: true },
  protocol: "5",
  keepAliveSeconds: 30,
  connectSeconds: 10,
  retryMinSeconds: 1,
  retryMaxSeconds: 60,
  sessionExpirySeconds: 604_800,
  inFlightMax: 500,
  bytesPerSecondMax: 0,
  hopsMax: 8,
  topics: [rule],
};

describe("bridges", () => {
  it("are none by default", () => {
    expect(load("").config.bridges).toEqual({});
  });

  it("have defaults for every key but url, topics and filter", () => {
    expect(load(cloud()).config.bridges).toEqual({ cloud: bridge });
    expect(load(cloud()).warnings).toEqual([]);
  });

  it("may try several URLs in turn", () => {
    const content = cloud('url: ["mqtts://[::1]", mqtt://b.example:1884, "wss://c.example/broker"]');
    expect(cloudOf(content)?.url).toEqual(["mqtts://[::1]", "mqtt://b.example:1884", "wss://c.example/broker"]);
  });

  it.each([
    ["5", "5"],
    ['"5"', "5"],
    ["3.1.1", "3.1.1"],
    ['"3.1.1"', "3.1.1"],
  ])("speak the protocol %s, number or text", (written, protocol) => {
    expect(cloudOf(cloud(`protocol: ${written}`))?.protocol).toBe(protocol);
  });

  it("are described to editors", () => {
    const { properties } = configJsonSchema() as {
      properties: Record<string, { additionalProperties: { properties: Record<string, object>; required: string[] } }>;
    };
    const described = properties.bridges?.additionalProperties;
    expect(described?.required).toEqual(["url", "topics"]);
    expect(described?.properties.url).toMatchObject({ anyOf: [{ type: "string" }, { type: "array" }] });
    expect(described?.properties.protocol).toMatchObject({ enum: [5, "5", "3.1.1"] });
    expect(described?.properties.topics).toMatchObject({ items: { required: ["filter"] } });
  });

  it("are in waypost.yaml, in a comment that is a valid bridge with nothing but defaults, examples aside", () => {
    const text = readFileSync(new URL("../../config/waypost.yaml", import.meta.url), "utf8");
    const lines = text.split("\n");
    const first = lines.indexOf("#   bridges:");
    const example = lines.slice(first, lines.indexOf("bridges: {}")).map((line) => line.slice(4));
    const { config, warnings } = load(example.join("\n"), { environment: { CLOUD_PASSWORD: "secret" } });
    expect(warnings).toEqual([]);
    const { url, username, password, tls, topics, ...others } = config.bridges.cloud ?? bridge;
    expect({ ...bridge, ...others }).toEqual(bridge);
    expect(topics[0]).toEqual({ ...rule, exclude: ["telemetry/debug/#"], remotePrefix: "site-7/" });
  });
});

describe("mistakes in bridges", () => {
  it("are reported all at once, with line and column", () => {
    const content = `
bridges:
  cloud:
    url: mqtt://
    keepAliveSecnds: 5
    retryMinSeconds: 90
    tls: { cert: a.pem }
    topics:
      - { filter: a/#/b, qos: 3 }
      - { filter: a/#, localPrefix: +/, share: x }
      - direction: sideways
  a/b: {}
  more: {}
  none:
`;
    expect(mistakesOf(content)).toEqual([
      "4:10 bridges.cloud.url is no URL of an upstream: it has no host",
      "5:5 bridges.cloud.keepAliveSecnds is no known key: did you mean keepAliveSeconds?",
      "6:22 bridges.cloud.retryMinSeconds is 90, more than retryMaxSeconds (60): make it at most that",
      "7:18 bridges.cloud.tls.cert is given without tls.key: name the file of its key",
      '9:19 bridges.cloud.topics.0.filter "a/#/b" is no topic filter: # stands before its end',
      "9:31 bridges.cloud.topics.0.qos must be a whole number from 0 to 2, not 3",
      '10:37 bridges.cloud.topics.1.localPrefix "+/" is no prefix of topics: it contains +, wildcards belong into filter',
      "10:48 bridges.cloud.topics.1.share is for what comes down: remove it, or give direction: down or both",
      "11:9 bridges.cloud.topics.2.filter is missing: it must be a topic filter",
      '11:20 bridges.cloud.topics.2.direction must be one of up, down, both, not "sideways"',
      expect.stringMatching(/^12:3 bridges\.a\/b is no bridge name: it contains "\/"/),
      "13:3 bridges.more.url is missing: it must be a URL of an upstream such as mqtts://upstream.example:8883, or a list of them",
      "13:3 bridges.more.topics is missing: it must be a list of rules",
      "14:3 bridges.none is empty: give the bridge a url and topics",
    ]);
  });

  it.each([
    ["url: 5", /^url must be a URL of an upstream such as .*, or a list of them, not 5$/],
    ["url: []", /^url must have 1 to 16 URLs$/],
    [`url: [${"mqtt://a, ".repeat(17)}]`, /^url must have 1 to 16 URLs$/],
    ["url: [mqtt://a, http://b]", /^url\.1 is no URL of an upstream: its scheme http is called ws here/],
    ["url: [mqtt://a, 5, mqtt://b]", /^url\.1 must be a URL of an upstream such as [^,]*, not 5$/],
    ["url: [mqtt://a, mqtt://b, mqtt://a]", /^url\.2 is given twice: keep one of the two$/],
    ["url:", /^url is empty/],
    ["topics: []", /^topics must have at least one of the rules$/],
    ["topics: telemetry/#", /^topics must be a list of rules, not "telemetry\/#"$/],
    ["protocol: 4", /^protocol must be one of 5, 3\.1\.1, not 4$/],
    ["protocol: 3.1", /^protocol must be one of 5, 3\.1\.1, not 3\.1$/],
    ["username: 7", /^username must be text .* in quotes where it is a number, not 7$/],
    ["password: secret", /^password is given without username: give the user name that it is for$/],
    ["keepAliveSeconds: 0", /^keepAliveSeconds must be a whole number from 1 to 65535, not 0$/],
    ["inFlightMax: 65536", /^inFlightMax must be a whole number from 1 to 65535, not 65536$/],
    ["bytesPerSecondMax: fast", /^bytesPerSecondMax must be a size from 0B to 1GiB/],
    ["tls: { key: a.key }", /^tls\.key is given without tls\.cert: name the file of its certificate$/],
    ["tls: { ca: a.pem }", /^tls is for the schemes mqtts and wss, and no URL has one of them/],
    ["tls: { verify: false }", /^tls is for the schemes mqtts and wss, and no URL has one of them/],
  ])("such as %j are clear", (key, mistake) => {
    const found = messagesOf(cloud(key)).filter((each) => !/^url\.\d+ is given twice/.test(each) || key.includes("b,"));
    expect(found.filter((each) => mistake.test(each))).toHaveLength(1);
    expect(found.filter((each) => !mistake.test(each) && !each.startsWith("tls is for"))).toEqual([]);
  });

  it("are none where one of several URLs has TLS", () => {
    expect(mistakesOf(cloud("url: [mqtt://a, mqtts://b]", "tls: { ca: a.pem }"))).toEqual([]);
    expect(mistakesOf(cloud("url: [mqtts://b]", "tls: { cert: a.pem, key: a.key, serverName: b }"))).toEqual([]);
  });

  it.each([
    ["mqtt://alice:secret@upstream.example", "it has credentials in it, use username and password of the bridge"],
    ["mqtt://alice:secret@", "it has credentials in it, use username and password of the bridge"],
    ["alice:secret@upstream.example", "it has no scheme, write one such as mqtts://upstream.example:8883"],
    ["mqtt://alice:secret/x@upstream.example", "its host or port is not valid, a port is 1 to 65535"],
  ])("do not show the password in %s", (url, mistake) => {
    expect(messagesOf(cloud(`url: "${url}"`))).toEqual([`url is no URL of an upstream: ${mistake}`]);
    expect(messagesOf(`bridges: { cloud: "${url}" }`).join()).not.toContain("secret");
  });

  it.each(["password: [secret]", "password: { is: secret }", "password: 5317"])("do not show %s", (key) => {
    const found = messagesOf(cloud("username: alice", key));
    expect(found).toEqual(["password must be text of at most 16384 characters, in quotes where it is a number"]);
  });
});

describe("mistakes in the rules of a bridge", () => {
  it.each([
    [
      '{ filter: "" }',
      'filter "" is no topic filter: it is empty, which is possible only where localPrefix and remotePrefix are both given',
    ],
    [
      '{ filter: "", localPrefix: a }',
      'filter "" is no topic filter: it is empty, which is possible only where localPrefix and remotePrefix are both given',
    ],
    ['{ filter: "a+" }', 'filter "a+" is no topic filter: + does not fill its level'],
    ['{ filter: "a\\0b" }', 'filter "a\\u0000b" is no topic filter: it contains U+0000'],
    [
      '{ filter: a, remotePrefix: "x/#" }',
      'remotePrefix "x/#" is no prefix of topics: it contains #, wildcards belong into filter',
    ],
    [
      '{ filter: a, localPrefix: "\\0" }',
      'localPrefix "\\u0000" is no prefix of topics: it contains U+0000, leave it out',
    ],
    [
      '{ filter: "#", remotePrefix: site }',
      'remotePrefix "site" and filter "#" are no topic filter together: # does not fill its level. End the prefix with /',
    ],
    [
      '{ filter: "+/a", localPrefix: site }',
      'localPrefix "site" and filter "+/a" are no topic filter together: + does not fill its level. End the prefix with /',
    ],
    ['{ filter: a/#, exclude: [a/b, "a/#/b"] }', 'exclude.1 "a/#/b" is no topic filter: # stands before its end'],
    ['{ filter: a/#, exclude: [""] }', 'exclude.0 "" is no topic filter: it is empty'],
    ["{ filter: a/#, exclude: [a/b, a/c, a/b] }", 'exclude.2 "a/b" is given twice: keep one of the two'],
    ["{ filter: a/#, exclude: a/b }", 'exclude must be a list of topic filters, not "a/b"'],
    ["{ filter: a, share: x }", "share is for what comes down: remove it, or give direction: down or both"],
    [
      "{ filter: a, direction: down, share: x/y }",
      'share must be the name of a shared subscription, at most 256 characters without / + #, not "x/y"',
    ],
    ["{ filter: a, qos: 0, qosMin: 1 }", "qosMin is 1, more than qos (0): make it at most that"],
    [
      "{ filter: a, direction: down, qosMin: 1 }",
      "qosMin is for what goes up: remove it, or give direction: up or both",
    ],
    ["{ filter: a, qosMin: 2 }", "qosMin must be a whole number from 0 to 1, not 2"],
    ["{ filter: a, liveSharePercent: 100 }", "liveSharePercent must be a whole number from 1 to 99, not 100"],
    [
      "{ filter: a, whenFull: drop }",
      'whenFull must be one of reject-newest, remove-oldest, remove-low-priority, flow-control, not "drop"',
    ],
    ["{ filter: a, outage: newest-first }", 'outage must be one of live-first, oldest-first, not "newest-first"'],
  ])("such as %s are clear", (text, mistake) => {
    expect(messagesOf(rules(text))).toEqual([`topics.0.${mistake}`]);
  });

  it.each([
    ["{ filter: $share/g/a }", "filter makes local topics that begin with $share/: a bridge has each message anyway"],
    ["{ filter: $queue/jobs/# }", "filter makes local topics that begin with $queue/: what is there waits for"],
    ["{ filter: a, localPrefix: $group/all/ }", "localPrefix makes local topics that begin with $group/: what is"],
    ["{ filter: $reply/c/#, localPrefix: '' }", "filter makes local topics that begin with $reply/: an answer is"],
    ["{ filter: $share/g/a, direction: down }", "filter makes topics of the upstream that begin with $share/: leave"],
    ["{ filter: $share/g/a, direction: both }", "filter makes local topics that begin with $share/: a bridge has"],
    [
      "{ filter: a, direction: down, remotePrefix: $queue/ }",
      "remotePrefix makes topics of the upstream that begin with",
    ],
    [
      "{ filter: $SYS/# }",
      "filter makes topics of the upstream that begin with $SYS/: nobody may publish there, put a prefix",
    ],
    [
      "{ filter: a, direction: down, localPrefix: $SYS/ }",
      "localPrefix makes local topics that begin with $SYS/: nobody",
    ],
    [
      "{ filter: a, remotePrefix: $share/g/ }",
      "remotePrefix makes topics of the upstream that begin with $share/: it begins",
    ],
  ])("such as %s have advice", (text, mistake) => {
    expect(messagesOf(rules(text))).toEqual([expect.stringContaining(`topics.0.${mistake}`)]);
  });

  it.each([
    "{ filter: $SYS/#, remotePrefix: site-7/ }",
    "{ filter: $SYS/#, direction: down, localPrefix: cloud/ }",
    "{ filter: '#', direction: down, remotePrefix: jobs/, localPrefix: $queue/jobs/ }",
    "{ filter: jobs/#, remotePrefix: $queue/jobs/ }",
    '{ filter: "", localPrefix: a, remotePrefix: b }',
    "{ filter: 7/#, localPrefix: sensor-, remotePrefix: s }",
    "{ filter: a, direction: both, share: x }",
  ])("do not include %s", (text) => {
    expect(messagesOf(rules(text))).toEqual([]);
  });

  it("include filters that are too long with their prefix", () => {
    const prefix = "x".repeat(65_530);
    expect(messagesOf(rules(`{ filter: 12345, localPrefix: ${prefix} }`.replace("12345", '"12345"')))).toEqual([]);
    expect(messagesOf(rules(`{ filter: "123456", localPrefix: ${prefix} }`))).toEqual([
      expect.stringMatching(/filter "123456" are no topic filter together: it has more than 65535 bytes$/),
    ]);
    expect(messagesOf(rules(`{ filter: "${"a/".repeat(100)}b" }`))).toEqual([
      expect.stringMatching(/is no topic filter: it has more than 100 levels$/),
    ]);
  });

  it("are reported for 1000 rules at most", () => {
    const many = (count: number) => rules(...Array.from({ length: count }, (_, index) => `{ filter: a${index} }`));
    expect(mistakesOf(many(1000))).toEqual([]);
    expect(messagesOf(many(1001))).toEqual(["topics has too many rules: at most 1000"]);
  });
});

describe("bridges from the environment and from flags", () => {
  const environment = {
    WAYPOST_BRIDGES__CLOUD__URL: "mqtts://upstream.example:8883",
    WAYPOST_BRIDGES__CLOUD__TOPICS: "[{ filter: telemetry/# }]",
  };
  const fromEnvironment = (more: Record<string, string>) =>
    loadConfig({ environment: { ...environment, ...more } }).config.bridges.cloud;

  it("are made of variables alone", () => {
    expect(fromEnvironment({})).toEqual({ ...bridge, url: ["mqtts://upstream.example:8883"] });
  });

  it("may have a list of URLs, a section and a version in variables", () => {
    const found = fromEnvironment({
      WAYPOST_BRIDGES__CLOUD__URL: "[mqtts://a.example:8883, mqtts://b.example]",
      WAYPOST_BRIDGES__CLOUD__TLS__SERVER_NAME: "upstream.example",
      WAYPOST_BRIDGES__CLOUD__PROTOCOL: "5",
      WAYPOST_BRIDGES__CLOUD__KEEP_ALIVE_SECONDS: "7",
    });
    expect(found).toMatchObject({
      url: ["mqtts://a.example:8883", "mqtts://b.example"],
      tls: { serverName: "upstream.example" },
      protocol: "5",
      keepAliveSeconds: 7,
    });
  });

  it("have a password that is a number, or that stands in a file", () => {
    const folder = mkdtempSync(join(tmpdir(), "waypost-secret-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "password"), "p: ä#\n");
    const username = { WAYPOST_BRIDGES__CLOUD__USERNAME: "1234" };
    expect(fromEnvironment({ ...username, WAYPOST_BRIDGES__CLOUD__PASSWORD: "5678" })).toMatchObject({
      username: "1234",
      password: "5678",
    });
    const file = { WAYPOST_BRIDGES__CLOUD__PASSWORD_FILE: join(folder, "password") };
    expect(fromEnvironment({ ...username, ...file })?.password).toBe("p: ä#");
    expect(mistakesOf("", { environment: { ...environment, WAYPOST_BRIDGES__CLOUD__PASSWORD_FILE: "/none" } })).toEqual(
      [expect.stringContaining("bridges.cloud.password names a file that cannot be used: /none does not exist")],
    );
  });

  it("take the place of what the file has", () => {
    const overrides = ["bridges.cloud.url=ws://other.example", "bridges.cloud.topics=[{filter: a, direction: down}]"];
    const found = cloudOf(cloud("url: [mqtt://a, mqtt://b]"), { overrides });
    expect(found?.url).toEqual(["ws://other.example"]);
    expect(found?.topics).toEqual([{ ...rule, filter: "a", direction: "down" }]);
  });

  it("have mistakes of their own", () => {
    expect(mistakesOf(cloud(), { overrides: ["bridges.cloud.url.0=mqtt://a", "bridges.a/b.url=mqtt://a"] })).toEqual([
      "--set bridges.cloud.url.0 is no setting: bridges.cloud.url is a list, give it whole as […, …]",
      expect.stringMatching(/^--set bridges\.a\/b\.url is no setting: "a\/b" is no bridge name: it contains "\/"/),
    ]);
    expect(mistakesOf(cloud(), { overrides: ["bridges.cloud.url=mqtt://alice:secret@a"] })).toEqual([
      "--set bridges.cloud.url is no URL of an upstream: it has credentials in it, use username and password of the bridge",
    ]);
  });
});

describe("the keys of a bridge", () => {
  it("have one secret, the password", () => {
    const secrets = configKeys().filter(({ path, isSecret }) => path[0] === "bridges" && isSecret);
    expect(secrets.map(({ path }) => path.join("."))).toEqual(["bridges.*.password"]);
  });
});
