import type { ClientPacket, Version } from "./client-packet.ts";
import { type WireProperty, wireProperty } from "./wire-properties.ts";

const flags = new Set(["requestResponseInformation", "requestProblemInformation"]);

/** What a reader has to find in a packet, in the words of `ClientPacketReader`. */
export function saidBy(packet: ClientPacket, version: Version): unknown {
  const of = (properties: WireProperty[] | undefined) =>
    version < 5 || properties === undefined || properties.length === 0 ? {} : { properties: byName(properties) };
  switch (packet.kind) {
    case "connect":
      return connectSays(packet, version);
    case "publish": {
      const { topic, payload, qos, retain, dup, packetId } = packet;
      const messageId = qos > 0 ? packetId : 0;
      return { cmd: "publish", topic, payload, qos, retain, dup, messageId, ...forwarded(packet.properties, version) };
    }
    case "subscribe": {
      const subscriptions = packet.subscriptions.map(({ filter, options }) => ({
        topic: filter,
        qos: options & 3,
        ...(version < 5 ? {} : { nl: (options & 4) > 0, rap: (options & 8) > 0, rh: options >> 4 }),
      }));
      return { cmd: "subscribe", messageId: packet.packetId, subscriptions, ...of(packet.properties) };
    }
    case "unsubscribe":
      return {
        cmd: "unsubscribe",
        messageId: packet.packetId,
        unsubscriptions: packet.filters,
        ...of(packet.properties),
      };
    case "pingreq":
      return null;
    case "disconnect":
      return { reasonCode: codeOf(packet, version), ...of(packet.properties) };
    case "auth":
      return { reasonCode: packet.reasonCode, ...of(packet.properties) };
    default:
      return { packetId: packet.packetId, reasonCode: codeOf(packet, version) };
  }
}

function connectSays(packet: Extract<ClientPacket, { kind: "connect" }>, version: Version): unknown {
  const { clean, clientId, keepAliveSeconds, username, password, will, properties } = packet;
  const delay = will?.properties.find(({ name }) => name === "willDelayInterval")?.value as number | undefined;
  const lastWill = will && {
    topic: will.topic,
    payload: will.payload,
    qos: will.qos,
    retain: will.retain,
    ...(version === 5 && delay !== undefined && delay > 0 ? { delaySeconds: delay } : {}),
    ...forwarded(will.properties, version),
  };
  return {
    cmd: "connect",
    protocolId: version === 3 ? "MQIsdp" : "MQTT",
    protocolVersion: version,
    clean,
    clientId,
    keepalive: keepAliveSeconds,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(lastWill === undefined ? {} : { will: lastWill }),
    ...(version < 5 || properties.length === 0 ? {} : { properties: byName(properties) }),
  };
}

/** Where it is not there the reason code is 0. */
function codeOf({ reasonCode }: { reasonCode?: number }, version: Version): number {
  return version === 5 ? (reasonCode ?? 0) : 0;
}

/** What goes to subscribers unaltered, and the expiry, which is counted down. */
export function forwarded(properties: readonly WireProperty[], version: Version = 5): object {
  if (version < 5) return { bytes: Buffer.alloc(0) };
  const own = new Set(["topicAlias", "messageExpiryInterval", "willDelayInterval"]);
  const expiry = properties.find(({ name }) => name === "messageExpiryInterval");
  return {
    bytes: Buffer.concat(properties.filter(({ name }) => !own.has(name)).map(wireProperty)),
    ...(expiry === undefined ? {} : { expirySeconds: expiry.value }),
  };
}

function byName(properties: readonly WireProperty[]): object {
  const all: Record<string, unknown> = {};
  const user = new Map<string, string[]>();
  for (const { name, value } of properties) {
    if (name === "userProperty") {
      const [key, text] = value as [string, string];
      user.set(key, [...(user.get(key) ?? []), text]);
    } else all[name] = flags.has(name) ? value === 1 : value;
  }
  if (user.size === 0) return all;
  const userProperties = inOrder([...user].map(([key, texts]) => [key, texts.length === 1 ? texts[0] : texts]));
  return { ...all, userProperties };
}

/**
 * User properties by name, as a list: matchers take an object with a key `constructor` for one of another type, and
 * objects have an order of their own for names that are numbers.
 */
export function inOrder(entries: [name: string, value: unknown][]): [name: string, value: unknown][] {
  return entries.sort(([a], [b]) => (a < b ? -1 : 1));
}
