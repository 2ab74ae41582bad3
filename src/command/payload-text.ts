import { printable } from "./printable.ts";

/** A payload for a terminal: its text, or where it is none its base64. */
export function payloadText(base64: string): string {
  const bytes = Buffer.from(base64, "base64");
  const text = bytes.toString();
  return Buffer.from(text).equals(bytes) ? printable(text) : `base64 ${base64}`;
}
