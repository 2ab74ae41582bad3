import { WaypostError } from "../waypost-error.ts";

/** Bytes of a variable byte integer (MQTT 5, 1.5.5). */
export function lengthBytes(value: number): number {
  if (value < 128) return 1;
  if (value < 16384) return 2;
  return value < 2097152 ? 3 : 4;
}

/** Returns where it ends. */
export function writeLength(buffer: Buffer, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest > 127) {
    buffer[next++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  buffer[next++] = rest;
  return next;
}

/** @throws ERR_MALFORMED_PACKET where it is cut off, or longer than it need be [MQTT-1.5.5-1] */
export function readLength(chunk: Buffer, start: number, end: number): number {
  let value = 0;
  for (let at = start, shift = 0; at < end && shift <= 21; at++, shift += 7) {
    const byte = chunk[at] as number;
    value += (byte & 127) << shift;
    if (byte > 127) continue;
    if (byte === 0 && shift > 0) break;
    return value;
  }
  throw new WaypostError("ERR_MALFORMED_PACKET", "a variable byte integer is cut off, or not in its shortest form");
}
