import { WaypostError } from "../waypost-error.ts";
import type { Users } from "./users.ts";

/** A client that is not let in, as CONNACK says it in MQTT 3 (`returnCode`) and in MQTT 5 (`reasonCode`). */
export interface Refusal extends Error {
  readonly returnCode: number;
  readonly reasonCode: number;
}

const badUserNameOrPassword = { returnCode: 4, reasonCode: 0x86 };
const notAuthorized = { returnCode: 5, reasonCode: 0x87 };
const serverBusy = { returnCode: 3, reasonCode: 0x89 };

/** Who may connect: everybody while there are no users; else users, and strangers where their listener lets them in. */
export class Access {
  readonly #users: Users;
  readonly #mayBeStrangers = new WeakSet<object>();

  constructor(users: Users) {
    this.#users = users;
  }

  /** This client came by a listener that asks for no credentials. */
  letStrangersIn(client: object): void {
    this.#mayBeStrangers.add(client);
  }

  /** A user name and password, as a CONNECT has them. Rejects with a `Refusal`. */
  async check(client: object, username: string | undefined, password: Buffer | undefined): Promise<void> {
    if (this.#users.size === 0) return;
    if (username === undefined && password === undefined) {
      if (this.#mayBeStrangers.has(client)) return;
      throw refusal("this listener lets in nobody without a user name and password", notAuthorized);
    }
    if (!(await this.#isUser(username, password))) throw refusal("wrong user name or password", badUserNameOrPassword);
  }

  async #isUser(username: string | undefined, password: Buffer | undefined): Promise<boolean> {
    if (username === undefined || password === undefined) return false;
    try {
      return await this.#users.check(username, password);
    } catch (error) {
      if (!(error instanceof WaypostError)) throw error;
      throw refusal(error.message, serverBusy);
    }
  }
}

function refusal(why: string, codes: { returnCode: number; reasonCode: number }): Refusal {
  return Object.assign(new WaypostError("ERR_NOT_AUTHORIZED", why), codes);
}
