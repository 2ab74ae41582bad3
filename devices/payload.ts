import { crc32 } from "node:zlib";

/** What every simulated message says about itself, so that the verdict is computed and not assumed. */
export type Stamp = {
  /** The fleet's run; a message of another run is foreign. */
  run: string;
  sender: string;
  topic: string;
  /** Counts the messages of one sender on one topic, from 1. */
  sequence: number;
  /** When it was handed to the MQTT client, in milliseconds since the epoch. */
  sentAtMs: number;
};

export type Decoded = { stamp: Stamp; body: Buffer } | { torn: string };

const checksumLength = 8;
const headerStart = checksumLength + 1;
const newline = 0x0a;

/**
 * `<crc32 of all that follows the space, 8 hex digits> <stamp and body length as JSON>\n<body>`: readable with any
 * MQTT client, and a change of any byte, a cut or an appendix is noticed.
 */
export function encodePayload(stamp: Stamp, body: Uint8Array): Buffer {
  const header = Buffer.from(`${JSON.stringify({ ...stamp, bytes: body.length })}\n`);
  const payload = Buffer.allocUnsafe(headerStart + header.length + body.length);
  header.copy(payload, headerStart);
  payload.set(body, headerStart + header.length);
  payload.write(`${checksum(payload.subarray(headerStart))} `, 0, "latin1");
  return payload;
}

/** Never throws: what cannot be read is `torn`, with the reason. The body is a slice of `payload`. */
export function decodePayload(payload: Buffer): Decoded {
  const headerEnd = payload.indexOf(newline, headerStart);
  if (payload.length <= headerStart || headerEnd === -1) return { torn: "it has no header" };
  const claimed = payload.toString("latin1", 0, headerStart);
  if (claimed !== `${checksum(payload.subarray(headerStart))} `) return { torn: "its checksum does not match" };
  const header = parse(payload.toString("utf8", headerStart, headerEnd));
  if (!isHeader(header)) return { torn: "its header is not a stamp" };
  const body = payload.subarray(headerEnd + 1);
  if (body.length !== header.bytes) return { torn: `its body has ${body.length} bytes instead of ${header.bytes}` };
  const { bytes: _, ...stamp } = header;
  return { stamp, body };
}

function checksum(bytes: Buffer): string {
  return crc32(bytes).toString(16).padStart(checksumLength, "0");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isHeader(value: unknown): value is Stamp & { bytes: number } {
  if (typeof value !== "object" || value === null) return false;
  const header = value as Record<string, unknown>;
  return (
    typeof header.run === "string" &&
    typeof header.sender === "string" &&
    typeof header.topic === "string" &&
    Number.isSafeInteger(header.sequence) &&
    Number.isFinite(header.sentAtMs) &&
    Number.isSafeInteger(header.bytes)
  );
}
