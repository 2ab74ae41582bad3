import type { Packet } from "mqtt-packet";
import { field, frame } from "./frame.ts";
import { type ConnectOptions, RawClient } from "./raw-client.ts";
import { type WireProperty, wireProperties } from "./wire-properties.ts";

export interface Connect5Options extends ConnectOptions {
  /** How long the session outlives the connection, in seconds. */
  lives?: number;
}

function packetOf({ lives, properties, ...rest }: Connect5Options): ConnectOptions {
  const all = lives === undefined ? properties : { sessionExpiryInterval: lives, ...properties };
  return { protocolVersion: 5, ...rest, ...(all === undefined ? {} : { properties: all }) };
}

/** Connects with MQTT 5; the session ends with the connection, and is a fresh one, unless told otherwise. */
export function connected5(port: number, options: Connect5Options = {}): Promise<RawClient> {
  return RawClient.connected(port, packetOf(options));
}

/** Sends a CONNECT, waits until the gateway has closed the connection, and returns all that was answered. */
export async function refused5(port: number, options: Connect5Options | Buffer): Promise<Packet[]> {
  const client = await RawClient.open(port, 5);
  if (Buffer.isBuffer(options)) client.bytes(options);
  else client.connect(packetOf(options));
  return client.ending();
}

/** A CONNECT of MQTT 5 with just these connect flags, properties and payload fields; the client id is part of the payload. */
export function connectFrame5(
  flags: number,
  payload: Buffer[],
  { properties = [], level = 5, name = "MQTT" }: { properties?: WireProperty[]; level?: number; name?: string } = {},
): Buffer {
  return frame(0x10, field(name), [level, flags, 0, 0], wireProperties(properties), ...payload);
}
