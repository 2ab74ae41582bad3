import { crc32 } from "node:zlib";

/** What the right answer to a call says: nobody who has not read all of the call can know. */
export function answerTo(payload: Uint8Array): string {
  return `answer to ${crc32(payload).toString(16)}`;
}
