import { WaypostError } from "../waypost-error.ts";
import { saslPrepared } from "./sasl-prepared.ts";
import { refused } from "./scram-refusal.ts";
import { textOfBytes } from "./text-of-bytes.ts";

/** What a client sends first (RFC 5802, section 7: `client-first-message`). */
export interface ClientFirst {
  /** Up to and with its second comma; the client confirms it in its final message. */
  readonly gs2Header: string;
  /** The rest, as it was sent: it is signed. */
  readonly bare: string;
  /** Decoded and prepared. */
  readonly username: string;
  readonly nonce: string;
}

/** What a client sends last (`client-final-message`). */
export interface ClientFinal {
  /** Base64 of the header that the client sent first. */
  readonly channelBinding: string;
  readonly nonce: string;
  readonly withoutProof: string;
  /** 32 bytes. */
  readonly proof: Buffer;
}

const MESSAGE_BYTES_MAX = 4096;
const PROOF_BYTES = 32;

const nonce = "[\\x21-\\x2b\\x2d-\\x7e]+";
// Attributes that nobody has defined are passed over, but for m, which asks not to be.
const extensions = "(?:,[A-Za-ln-oq-z]=[^,\\0]+)*";
const firstForm = /^((?:n|y|p=[A-Za-z0-9.-]+),(?:a=([^,]*))?,)(.*)$/s;
const bareForm = new RegExp(`^n=([^,]*),r=(${nonce})${extensions}$`);
const finalForm = new RegExp(`^(c=([A-Za-z0-9+/]+={0,2}),r=(${nonce})${extensions}),p=([A-Za-z0-9+/]+={0,2})$`);
const nameForm = /^(?:[^=,\0]|=2C|=3D)+$/i;

/** Errors: ERR_PROTOCOL_VIOLATION; ERR_NOT_AUTHORIZED where the client wants what is not on offer. */
export function readClientFirst(data: Buffer): ClientFirst {
  const [, gs2Header, authorizationId, bare] = firstForm.exec(textOf(data)) ?? [];
  if (gs2Header === undefined || bare === undefined) throw malformed("first");
  if (gs2Header.startsWith("p")) {
    throw refused("it asks for channel binding, which is not on offer: use SCRAM-SHA-256 without it");
  }
  if (bare.startsWith("m=")) throw refused("it asks for an extension of SCRAM, of which none is on offer");
  const [, name, clientNonce] = bareForm.exec(bare) ?? [];
  if (name === undefined || clientNonce === undefined) throw malformed("first");
  const username = nameOf(name);
  if (authorizationId !== undefined && nameOf(authorizationId) !== username) {
    throw refused("it asks to act for another user: leave the authorization id empty");
  }
  return { gs2Header, bare, username, nonce: clientNonce };
}

/** Errors: ERR_PROTOCOL_VIOLATION. */
export function readClientFinal(data: Buffer): ClientFinal {
  const [, withoutProof, channelBinding, bothNonces, proofText] = finalForm.exec(textOf(data)) ?? [];
  if (withoutProof === undefined || channelBinding === undefined || bothNonces === undefined) throw malformed("final");
  const proof = Buffer.from(proofText ?? "", "base64");
  if (proof.length !== PROOF_BYTES || proof.toString("base64") !== proofText) throw malformed("final");
  return { channelBinding, nonce: bothNonces, withoutProof, proof };
}

function textOf(data: Buffer): string {
  if (data.length > MESSAGE_BYTES_MAX) {
    throw violation(`is longer than ${MESSAGE_BYTES_MAX} bytes`);
  }
  const text = textOfBytes(data);
  if (text === undefined) throw violation("is not UTF-8");
  return text;
}

function nameOf(encoded: string): string {
  if (!nameForm.test(encoded)) throw malformed("first");
  const prepared = saslPrepared(encoded.replaceAll(/=2C/gi, ",").replaceAll(/=3D/gi, "="));
  if (prepared === undefined) throw refused("its user name has characters that cannot be printed");
  return prepared;
}

function malformed(which: "first" | "final"): WaypostError {
  return violation(`is no client-${which}-message: follow RFC 5802, section 7`);
}

function violation(text: string): WaypostError {
  return new WaypostError("ERR_PROTOCOL_VIOLATION", `authentication by SCRAM-SHA-256: the data of the client ${text}`);
}
