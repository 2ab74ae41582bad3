import { randomBytes } from "node:crypto";
import type { IClientOptions } from "mqtt";
import { usageError } from "../command/usage-error.ts";
import { topicMistake } from "../topic/topic-rules.ts";
import { type PropertyPlan, planProperties } from "./plan-properties.ts";

/** The options that `pub` and `sub` share, as the command line gives them: texts, unchecked. */
export interface ClientFlags {
  readonly host?: string;
  readonly port?: string;
  readonly url?: string;
  readonly id?: string;
  readonly username?: string;
  readonly pw?: string;
  readonly qos?: string;
  readonly protocolVersion?: string;
  readonly keepalive?: string;
  readonly willTopic?: string;
  readonly willPayload?: string;
  readonly willQos?: string;
  readonly willRetain?: boolean;
  /** The words of all -D. */
  readonly property?: readonly string[];
  /** -x */
  readonly sessionExpiryInterval?: string;
  /** -c */
  readonly disableCleanSession?: boolean;
}

/** Where to connect and how. */
export interface ClientPlan {
  readonly options: IClientOptions;
  /** The place in words, for messages: `localhost:1883`. */
  readonly place: string;
  /** Topic that a mqtt:// URL ends with, as in mosquitto. */
  readonly urlTopic: string | undefined;
  /** Of the packets that follow CONNECT; all of them empty unless it is MQTT 5. */
  readonly properties: Omit<PropertyPlan, "connect" | "will">;
}

const versions: ReadonlyMap<string, Pick<IClientOptions, "protocolId" | "protocolVersion">> = new Map([
  ["3.1", { protocolId: "MQIsdp", protocolVersion: 3 }],
  ["3.1.1", { protocolId: "MQTT", protocolVersion: 4 }],
  ["5", { protocolId: "MQTT", protocolVersion: 5 }],
]);
const versionAliases: ReadonlyMap<string, string> = new Map([
  ["mqttv31", "3.1"],
  ["31", "3.1"],
  ["mqttv311", "3.1.1"],
  ["311", "3.1.1"],
  ["mqttv5", "5"],
]);
const defaultPorts: ReadonlyMap<string, number> = new Map([
  ["mqtt", 1883],
  ["mqtts", 8883],
  ["ws", 80],
  ["wss", 443],
]);

/** Checks the shared options. `role` begins a generated client id. Errors: ERR_USAGE. */
export function planClient(flags: ClientFlags, role: "pub" | "sub"): ClientPlan {
  if (flags.url !== undefined && (flags.host !== undefined || flags.port !== undefined)) {
    throw usageError("-L is the whole address: leave out -h and -p");
  }
  const target = flags.url === undefined ? hostTarget(flags) : urlTarget(flags.url);
  const username = flags.username ?? target.username;
  const password = flags.pw ?? target.password;
  const version = versionOf(flags.protocolVersion ?? "3.1.1");
  if (password !== undefined && username === undefined && version.protocolVersion !== 5) {
    throw usageError("-P needs a user name, -u: MQTT 3 has no password without one"); // [MQTT-3.1.2-22]
  }
  if (flags.disableCleanSession === true && !flags.id) {
    throw usageError("-c needs a client id, -i: a session is kept under it");
  }
  const { connect, will, ...properties } = propertiesOf(flags, role);
  const options: IClientOptions = {
    ...target.options,
    ...version,
    clientId: flags.id || `waypost-${role}-${randomBytes(4).toString("hex")}`,
    keepalive: wholeNumberOf("-k", flags.keepalive ?? "60", 0, 65_535),
    connectTimeout: 10_000,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: Buffer.from(password) }),
    clean: flags.disableCleanSession !== true,
    ...(Object.keys(connect).length === 0 ? {} : { properties: connect }),
    ...willOf(flags, will),
  };
  return { options, place: target.place, urlTopic: target.topic, properties };
}

const neverExpires = 0xffff_ffff;

/** With MQTT 5, -c keeps a session for ever unless -x says how long, as in mosquitto. */
function propertiesOf(flags: ClientFlags, role: "pub" | "sub"): PropertyPlan {
  const { property = [], sessionExpiryInterval, disableCleanSession, id } = flags;
  const plan = planProperties(property, role);
  if (versionOf(flags.protocolVersion ?? "3.1.1").protocolVersion !== 5) {
    if (property.length > 0) throw usageError("-D is for MQTT 5 only: add -V 5");
    if (sessionExpiryInterval !== undefined) throw usageError("-x is for MQTT 5 only: add -V 5");
    return plan;
  }
  const given = plan.connect.sessionExpiryInterval;
  if (given !== undefined && sessionExpiryInterval !== undefined) {
    throw usageError("-D connect session-expiry-interval and -x are the same: give one of them");
  }
  const asked = sessionExpiryInterval === undefined ? given : expirySecondsOf(sessionExpiryInterval);
  const seconds = asked ?? (disableCleanSession === true ? neverExpires : undefined);
  if (seconds === neverExpires && !id) throw usageError("a session that never expires needs a client id, -i");
  return seconds === undefined ? plan : { ...plan, connect: { ...plan.connect, sessionExpiryInterval: seconds } };
}

function expirySecondsOf(text: string): number {
  if (text === "-1" || text === "∞") return neverExpires;
  return wholeNumberOf("-x", text, 0, neverExpires);
}

/** 0, 1 or 2. */
export function qosOf(letter: string, text: string): 0 | 1 | 2 {
  if (text === "0" || text === "1" || text === "2") return Number(text) as 0 | 1 | 2;
  throw usageError(`${letter} is a QoS, 0, 1 or 2, not ${text}`);
}

export function wholeNumberOf(letter: string, text: string, min: number, max: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw usageError(`${letter} is a whole number from ${min} to ${max}, not ${text}`);
}

interface Target {
  readonly options: IClientOptions;
  readonly place: string;
  readonly topic?: string;
  readonly username?: string;
  readonly password?: string;
}

function hostTarget({ host = "localhost", port }: ClientFlags): Target {
  if (host === "") throw usageError("-h is empty: give a host name or an address");
  const number = wholeNumberOf("-p", port ?? "1883", 1, 65_535);
  return { options: { protocol: "mqtt", host, port: number }, place: placeOf(host, number) };
}

function urlTarget(text: string): Target {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const protocol = url?.protocol.slice(0, -1) ?? "";
  const defaultPort = defaultPorts.get(protocol);
  if (url === undefined || defaultPort === undefined || url.hostname === "") {
    throw usageError(`-L is an address such as mqtt://localhost:1883 or ws://localhost:8083/mqtt, not ${text}`);
  }
  const isWebSocket = protocol === "ws" || protocol === "wss";
  const port = url.port === "" ? defaultPort : Number(url.port);
  const path = url.pathname.length > 1 ? url.pathname : "/mqtt";
  // TCP wants an IPv6 address bare, a WebSocket URL is put together again from its parts.
  const host = isWebSocket ? url.hostname : url.hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    options: {
      protocol: protocol as "mqtt" | "mqtts" | "ws" | "wss",
      host,
      hostname: host,
      port,
      ...(isWebSocket ? { path: path + url.search } : {}),
    },
    place: `${url.protocol}//${url.host}${isWebSocket ? path : ""}`,
    ...(!isWebSocket && url.pathname.length > 1 ? { topic: decoded(url.pathname.slice(1)) } : {}),
    ...(url.username === "" ? {} : { username: decoded(url.username) }),
    ...(url.password === "" ? {} : { password: decoded(url.password) }),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw usageError(`-L has a percent sign that is no escape in ${text}: write %25`);
  }
}

function placeOf(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function versionOf(text: string): Pick<IClientOptions, "protocolId" | "protocolVersion"> {
  const version = versions.get(versionAliases.get(text) ?? text);
  if (version === undefined) throw usageError(`-V is an MQTT version, 3.1, 3.1.1 or 5, not ${text}`);
  return version;
}

function willOf(flags: ClientFlags, properties: PropertyPlan["will"]): Pick<IClientOptions, "will"> {
  const hasProperties = Object.keys(properties).length > 0;
  const { willTopic, willPayload, willQos, willRetain } = flags;
  if (willTopic === undefined) {
    if (willPayload === undefined && willQos === undefined && willRetain === undefined && !hasProperties) return {};
    throw usageError("a will needs --will-topic");
  }
  const mistake = topicMistake(willTopic);
  if (mistake !== undefined) throw usageError(`--will-topic ${JSON.stringify(willTopic)} is no topic: ${mistake}`);
  const payload = Buffer.from(willPayload ?? "");
  const will = { topic: willTopic, payload, qos: qosOf("--will-qos", willQos ?? "0"), retain: willRetain === true };
  return { will: hasProperties ? { ...will, properties } : will };
}
