import { isUtf8 } from "node:buffer";
import { WaypostError } from "../waypost-error.ts";

/**
 * Reads `length` bytes at `at` as MQTT text.
 * @throws ERR_MALFORMED_PACKET for ill-formed UTF-8, surrogates among it [MQTT-1.5.3-1], and U+0000 [MQTT-1.5.3-2]
 */
export function readText(chunk: Buffer, at: number, length: number, what: string): string {
  const bytes = chunk.subarray(at, at + length);
  if (!isUtf8(bytes)) throw new WaypostError("ERR_MALFORMED_PACKET", `${what} is not valid UTF-8`);
  if (bytes.includes(0)) throw new WaypostError("ERR_MALFORMED_PACKET", `${what} contains U+0000`);
  return bytes.toString("utf8");
}
