import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { WaypostError } from "../waypost-error.ts";
import { FewAtOnce } from "./few-at-once.ts";
import {
  matchesScramVerifier,
  PASSWORD_BYTES_MAX,
  parseScramVerifier,
  type ScramVerifier,
  scramVerifierMistake,
} from "./scram-verifier.ts";

/** Derivations take threads that the store's disk needs as well: half of the four that Node has. */
const DERIVATIONS_AT_ONCE_MAX = 2;
/** A small machine takes about ten seconds for so many: one that came later would wait in vain. */
const DERIVATIONS_WAITING_MAX = 1000;

/** What an unknown user seems to have where there is no user to take after. */
const commonShape = { iterations: 4096, saltBytes: 16 };

/** The users who may connect, by name, each with the verifier of a password. One object for all who ask; `replace` reloads it. */
export class Users {
  readonly #secret: Buffer;
  readonly #derivations = new FewAtOnce(DERIVATIONS_AT_ONCE_MAX, DERIVATIONS_WAITING_MAX);
  /** For each user who was let in: a keyed digest of the password, so that a fleet that returns is not derived again. */
  readonly #proven = new Map<string, Buffer>();
  #verifiers: ReadonlyMap<string, ScramVerifier>;
  #shapes: readonly ScramVerifier[];

  /** `users` has texts such as `SCRAM-SHA-256$4096:…`. Errors: ERR_CONFIG_INVALID, which names the user. */
  constructor(users: Readonly<Record<string, string>>, random: (bytes: number) => Buffer = randomBytes) {
    this.#secret = random(32);
    this.#verifiers = parsed(users);
    this.#shapes = [...this.#verifiers.values()];
  }

  get size(): number {
    return this.#verifiers.size;
  }

  verifierOf(name: string): ScramVerifier | undefined {
    return this.#verifiers.get(name);
  }

  /** A verifier that looks like that of a user, always the same for a name while the process lives, and that no password fits. */
  standInFor(name: string): ScramVerifier {
    const digest = (use: string) => createHmac("sha512", this.#secret).update(`${use} of ${name}`).digest();
    const shape = this.#shapes[digest("shape").readUInt32BE() % Math.max(1, this.#shapes.length)];
    return {
      iterations: shape?.iterations ?? commonShape.iterations,
      salt: digest("salt").subarray(0, shape?.salt.length ?? commonShape.saltBytes),
      storedKey: digest("StoredKey").subarray(0, 32),
      serverKey: digest("ServerKey").subarray(0, 32),
    };
  }

  /** Puts other users in the place of all. Errors: ERR_CONFIG_INVALID; then all stay as they are. */
  replace(users: Readonly<Record<string, string>>): void {
    this.#verifiers = parsed(users);
    this.#shapes = [...this.#verifiers.values()];
    for (const name of this.#proven.keys()) if (!this.#verifiers.has(name)) this.#proven.delete(name);
  }

  /**
   * Whether this is the password of this user; for a user that does not exist it takes as long. The name must be spelt
   * exactly. Errors: ERR_LIMIT_EXCEEDED where too many passwords wait to be checked.
   */
  async check(username: string, password: Buffer): Promise<boolean> {
    const standIn = this.standInFor(username);
    const verifier = this.#verifiers.get(username) ?? standIn;
    const digest = createHmac("sha256", this.#secret).update(verifier.storedKey).update(password).digest();
    if (timingSafeEqual(this.#proven.get(username) ?? standIn.storedKey, digest)) return true;
    // A copy: the password is a part of what came over the wire, which need not wait with it.
    const own = Buffer.from(password.subarray(0, PASSWORD_BYTES_MAX + 1));
    const isRight = await this.#derivations.run(() => matchesScramVerifier(verifier, own));
    // The users may have been replaced meanwhile.
    if (!isRight || this.#verifiers.get(username)?.storedKey.equals(verifier.storedKey) !== true) return false;
    this.#proven.set(username, digest);
    return true;
  }
}

function parsed(users: Readonly<Record<string, string>>): Map<string, ScramVerifier> {
  const verifiers = new Map<string, ScramVerifier>();
  for (const [name, text] of Object.entries(users)) {
    const mistake = scramVerifierMistake(text);
    if (mistake !== undefined) {
      const message = `the password of user ${JSON.stringify(name)} is no verifier: ${mistake}; waypost passwd makes one`;
      throw new WaypostError("ERR_CONFIG_INVALID", message);
    }
    verifiers.set(name, parseScramVerifier(text));
  }
  return verifiers;
}
