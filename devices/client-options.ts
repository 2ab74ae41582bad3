import type { IClientOptions } from "mqtt";
import { connackMsMax } from "./await-connack.ts";
import type { ProtocolVersion } from "./protocol-version.ts";
import type { Habits } from "./version5/habits.ts";

export type LinkOptions = {
  name: string;
  /** What it calls itself to the gateway; its name if it is not said. */
  clientId?: string;
  run: string;
  url: string;
  /** Keeps the session across connections: Clean Session 0, in MQTT 5 a session expiry interval. */
  persistent: boolean;
  /** 3.1.1 if it is not said. */
  version?: ProtocolVersion;
  /** Of an MQTT 5 device. */
  habits?: Habits;
  /** Asks an MQTT 5 gateway where its answers can come. */
  asks?: boolean;
  /** Acknowledges what comes from a queue when it is told to, and not at once. */
  holdsJobs?: boolean;
  /** By how much its clock is wrong, in milliseconds. */
  clockErrorMs?: number;
  username?: string;
  password?: string;
};

/** Longer than any run lives, so that a session ends only when its device ends it. */
const sessionExpirySeconds = 90_000;

/** A device's options for MQTT.js. An MQTT 5 device arrives with Clean Start 1, and keeps its session all the same. */
export function clientOptions(options: LinkOptions): IClientOptions {
  const { name, clientId = name, persistent, version = 4, username, password } = options;
  return {
    clientId,
    clean: version === 5 || !persistent,
    protocolVersion: version,
    reconnectPeriod: 0,
    resubscribe: false,
    connectTimeout: connackMsMax,
    keepalive: 30,
    ...(version === 5 ? version5Options(options) : {}),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}

function version5Options({ persistent, habits, asks = false }: LinkOptions): IClientOptions {
  const { usesAliases = false, aliasMaximum = 0, receiveMaximum } = habits ?? {};
  return {
    autoAssignTopicAlias: usesAliases,
    properties: {
      ...(persistent ? { sessionExpiryInterval: sessionExpirySeconds } : {}),
      ...(aliasMaximum > 0 ? { topicAliasMaximum: aliasMaximum } : {}),
      ...(asks ? { requestResponseInformation: true } : {}),
      ...(receiveMaximum === undefined ? {} : { receiveMaximum }),
    },
  };
}
