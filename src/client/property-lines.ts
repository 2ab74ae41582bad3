import { isUtf8 } from "node:buffer";
import type { IPublishPacket } from "mqtt";
import { userProperty } from "./property-names.ts";

/**
 * The properties of a message as lines to print, with the names that -D takes: `  content-type "text/plain"`. Text is in
 * quotes, with escapes; bytes that are no text are hexadecimal. User properties come by their names, as MQTT.js has them.
 */
export function propertyLines({ properties = {} }: IPublishPacket): string {
  const { userProperties = {}, topicAlias: _, ...rest } = properties;
  const lines = Object.entries(rest).flatMap(([key, value]) =>
    [value].flat().map((each) => `${kebab(key)} ${shown(each)}`),
  );
  for (const [name, value] of Object.entries(userProperties)) {
    for (const each of [value].flat()) lines.push(`${userProperty} ${shown(name)} ${shown(each)}`);
  }
  return lines.map((line) => `  ${line}\n`).join("");
}

function kebab(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function shown(value: unknown): string {
  if (typeof value === "boolean") return value ? "1" : "0";
  if (!Buffer.isBuffer(value)) return JSON.stringify(value);
  return isUtf8(value) ? JSON.stringify(value.toString()) : `0x${value.toString("hex")}`;
}
