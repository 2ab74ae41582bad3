import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { WaypostError } from "../waypost-error.ts";
import type { AuthenticationExchange, AuthenticationMethod, AuthenticationStep } from "./authentication-method.ts";
import { type ClientFirst, readClientFinal, readClientFirst } from "./scram-messages.ts";
import { refused } from "./scram-refusal.ts";
import type { ScramVerifier } from "./scram-verifier.ts";

/** Who knows the users, such as `Users`. Names are prepared (`saslPrepared`). */
export interface VerifierSource {
  verifierOf(name: string): ScramVerifier | undefined;
  /** What an unknown user is shown: the same at each call, and no password fits it. */
  standInFor(name: string): ScramVerifier;
}

const NONCE_BYTES = 18;

/** The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding. */
export class ScramSha256 implements AuthenticationMethod {
  readonly name = "SCRAM-SHA-256";
  readonly #users: VerifierSource;
  readonly #nonce: () => string;

  /** `nonce` makes a text of printable ASCII without commas that was never used before. */
  constructor(users: VerifierSource, nonce = () => randomBytes(NONCE_BYTES).toString("base64")) {
    this.#users = users;
    this.#nonce = nonce;
  }

  begin(): AuthenticationExchange {
    return new ScramExchange(this.#users, this.#nonce);
  }
}

class ScramExchange implements AuthenticationExchange {
  readonly #users: VerifierSource;
  readonly #nonceOf: () => string;
  #awaits: "anything" | "first" | "final" | "nothing" = "anything";
  #first: ClientFirst | undefined;
  #nonce = "";
  #serverFirst = "";

  constructor(users: VerifierSource, nonceOf: () => string) {
    this.#users = users;
    this.#nonceOf = nonceOf;
  }

  async next(data: Buffer | undefined): Promise<AuthenticationStep> {
    const awaits = this.#awaits;
    // Whatever goes wrong below, the exchange is over: a second guess costs a connection.
    this.#awaits = "nothing";
    const isEmpty = data === undefined || data.length === 0;
    if (awaits === "anything" && isEmpty) {
      this.#awaits = "first";
      return { done: false, data: Buffer.alloc(0) };
    }
    if (awaits === "nothing" || isEmpty) {
      const what = awaits === "nothing" ? "the exchange is over" : `the client's ${awaits} message is missing`;
      throw new WaypostError("ERR_PROTOCOL_VIOLATION", `authentication by SCRAM-SHA-256: ${what}: begin again`);
    }
    return awaits === "final" ? this.#conclude(data) : this.#challenge(data);
  }

  #challenge(data: Buffer): AuthenticationStep {
    const first = readClientFirst(data);
    // Made for known users too, so that the time does not tell who exists.
    const standIn = this.#users.standInFor(first.username);
    const { salt, iterations } = this.#users.verifierOf(first.username) ?? standIn;
    this.#first = first;
    this.#nonce = first.nonce + this.#nonceOf();
    this.#serverFirst = `r=${this.#nonce},s=${salt.toString("base64")},i=${iterations}`;
    this.#awaits = "final";
    return { done: false, data: Buffer.from(this.#serverFirst) };
  }

  #conclude(data: Buffer): AuthenticationStep {
    const first = this.#first;
    if (first === undefined) throw new WaypostError("ERR_INVARIANT", "SCRAM-SHA-256: a final message without a first");
    const final = readClientFinal(data);
    if (final.nonce !== this.#nonce) throw refused("its nonce is not that of this exchange");
    if (final.channelBinding !== Buffer.from(first.gs2Header).toString("base64")) {
      throw refused("its two messages differ on channel binding");
    }
    const { username } = first;
    const message = `${first.bare},${this.#serverFirst},${final.withoutProof}`;
    // Looked up again: the users may have been replaced meanwhile.
    const verifier = this.#users.verifierOf(username);
    const isProved = proves(final.proof, message, verifier ?? this.#users.standInFor(username));
    if (verifier === undefined || !isProved) throw refused("its user name or password is wrong");
    const signature = createHmac("sha256", verifier.serverKey).update(message).digest("base64");
    return { done: true, username, data: Buffer.from(`v=${signature}`) };
  }
}

/** RFC 5802, section 3: the proof is the client's key, covered with a signature that only one who has StoredKey can lift. */
function proves(proof: Buffer, message: string, { storedKey }: ScramVerifier): boolean {
  const clientKey = createHmac("sha256", storedKey).update(message).digest();
  for (const [index, byte] of proof.entries()) clientKey[index] = (clientKey[index] ?? 0) ^ byte;
  return timingSafeEqual(createHash("sha256").update(clientKey).digest(), storedKey);
}
