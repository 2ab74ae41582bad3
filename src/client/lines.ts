import { WaypostError } from "../waypost-error.ts";

/** The largest payload that an MQTT packet can carry, its topic aside. */
export const payloadBytesMax = 268_435_455;

/** The lines of a byte stream, without their line feeds; the last one needs none. Reads no further than it is asked to. */
export async function* linesOf(chunks: AsyncIterable<Buffer>, bytesMax = payloadBytesMax): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end));
      yield parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      parts = [];
      bytes = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    parts.push(chunk.subarray(start));
    bytes += chunk.length - start;
    if (bytes > bytesMax) throw new WaypostError("ERR_PACKET_TOO_LARGE", `a line is longer than ${bytesMax} bytes`);
  }
  if (bytes > 0) yield Buffer.concat(parts);
}

/** All bytes of a stream. Errors: ERR_PACKET_TOO_LARGE as soon as they cannot be one payload. */
export async function allOf(chunks: AsyncIterable<Buffer>, bytesMax = payloadBytesMax): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    bytes += chunk.length;
    if (bytes > bytesMax) throw new WaypostError("ERR_PACKET_TOO_LARGE", `the input is longer than ${bytesMax} bytes`);
  }
  return Buffer.concat(parts);
}
