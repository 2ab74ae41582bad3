import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { WaypostError } from "../waypost-error.ts";
import { saslPrepared } from "./sasl-prepared.ts";
import { textOfBytes } from "./text-of-bytes.ts";

/** What a server keeps of a password for SCRAM-SHA-256 (RFC 5802, section 3): enough to check it, too little to log in with. */
export interface ScramVerifier {
  readonly iterations: number;
  readonly salt: Buffer;
  /** 32 bytes each. */
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

export interface Derivation {
  readonly iterations?: number;
  readonly salt?: Buffer;
}

// Fewer than 4096 are too easy to guess (RFC 7677, section 4); a million take most of a second on a fast machine.
const ITERATIONS_MIN = 4096;
const ITERATIONS_MAX = 1_000_000;
const SALT_BYTES = 16;
const SALT_BYTES_MIN = 8;
const SALT_BYTES_MAX = 64;
const KEY_BYTES = 32;
/** A longer password is that of nobody. */
export const PASSWORD_BYTES_MAX = 1024;
const form = "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>";

/** Why a text is no verifier, to follow "is no verifier: "; undefined where it is one. Tells nothing of what stands in it. */
export function scramVerifierMistake(text: string): string | undefined {
  const read = partsOf(text);
  return typeof read === "string" ? read : undefined;
}

/** Reads the form that PostgreSQL has too. Errors: ERR_CONFIG_INVALID, which says in which part, and not what stands there. */
export function parseScramVerifier(text: string): ScramVerifier {
  const read = partsOf(text);
  if (typeof read !== "string") return read;
  throw new WaypostError("ERR_CONFIG_INVALID", `this is no verifier: ${read}`);
}

export function formatScramVerifier({ iterations, salt, storedKey, serverKey }: ScramVerifier): string {
  const [saltText, storedText, serverText] = [salt, storedKey, serverKey].map((bytes) => bytes.toString("base64"));
  return `SCRAM-SHA-256$${iterations}:${saltText}$${storedText}:${serverText}`;
}

/**
 * The verifier of a password, with 4096 iterations and 16 random bytes of salt unless they are given.
 * Errors: ERR_USAGE where the password is empty, too long or not printable.
 */
export async function deriveScramVerifier(password: string, derivation: Derivation = {}): Promise<ScramVerifier> {
  const { iterations = ITERATIONS_MIN, salt = randomBytes(SALT_BYTES) } = derivation;
  if (password === "") throw new WaypostError("ERR_USAGE", "the password is empty: give one of at least 1 character");
  if (Buffer.byteLength(password) > PASSWORD_BYTES_MAX) {
    throw new WaypostError("ERR_USAGE", `the password is longer than ${PASSWORD_BYTES_MAX} bytes: give a shorter one`);
  }
  const prepared = saslPrepared(password);
  if (prepared === undefined) {
    throw new WaypostError("ERR_USAGE", "the password has characters that cannot be printed: leave them out");
  }
  return { iterations, salt, ...(await keysOf(Buffer.from(prepared), salt, iterations)) };
}

/** Whether a password is the one of the verifier; takes as long where it is not. */
export async function matchesScramVerifier(verifier: ScramVerifier, password: Buffer): Promise<boolean> {
  const prepared = preparedPassword(password);
  // Bytes that are the password of nobody are derived from too, so that the time is the same.
  const { storedKey } = await keysOf(Buffer.from(prepared ?? ""), verifier.salt, verifier.iterations);
  return timingSafeEqual(storedKey, verifier.storedKey) && prepared !== undefined;
}

function preparedPassword(password: Buffer): string | undefined {
  const text = password.length > PASSWORD_BYTES_MAX ? undefined : textOfBytes(password);
  return text === undefined ? undefined : saslPrepared(text);
}

/** Salted on a thread of its own: it takes milliseconds. */
async function keysOf(password: Buffer, salt: Buffer, iterations: number) {
  const salted = await new Promise<Buffer>((resolve, reject) => {
    pbkdf2(password, salt, iterations, KEY_BYTES, "sha256", (error, key) => (error ? reject(error) : resolve(key)));
  });
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  return {
    storedKey: createHash("sha256").update(clientKey).digest(),
    serverKey: createHmac("sha256", salted).update("Server Key").digest(),
  };
}

function partsOf(text: string): ScramVerifier | string {
  const parts = /^SCRAM-SHA-256\$([^$:]*):([^$:]*)\$([^$:]*):([^$:]*)$/.exec(text);
  if (parts === null) return `it has not the form ${form}`;
  const [, count = "", ...texts] = parts;
  const iterations = /^[1-9]\d{0,6}$/.test(count) ? Number(count) : 0;
  if (iterations < ITERATIONS_MIN || iterations > ITERATIONS_MAX) {
    return `its iterations must be a whole number from ${ITERATIONS_MIN} to ${ITERATIONS_MAX}`;
  }
  const [salt, storedKey, serverKey] = texts.map(bytesOf);
  if (salt === undefined || salt.length < SALT_BYTES_MIN || salt.length > SALT_BYTES_MAX) {
    return `its salt must be ${SALT_BYTES_MIN} to ${SALT_BYTES_MAX} bytes in base64`;
  }
  if (storedKey?.length !== KEY_BYTES) return `its StoredKey must be ${KEY_BYTES} bytes in base64`;
  if (serverKey?.length !== KEY_BYTES) return `its ServerKey must be ${KEY_BYTES} bytes in base64`;
  return { iterations, salt, storedKey, serverKey };
}

/** Undefined where the text is not exactly what these bytes are in base64. */
function bytesOf(base64: string): Buffer | undefined {
  const bytes = Buffer.from(base64, "base64");
  return bytes.toString("base64") === base64 ? bytes : undefined;
}
