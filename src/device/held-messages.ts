import type { Acceptance } from "../store/acceptance.ts";
import type { Message } from "../store/message.ts";
import { WaypostError } from "../waypost-error.ts";
import type { Blocker, Link } from "./link.ts";

/** A message that has no room yet: its publisher's acknowledgement waits. */
class Held implements Acceptance {
  accepted = false;
  readonly message: Message;
  readonly publisher: Link;
  #failure: unknown;
  #waiting: ((error?: unknown) => void)[] = [];

  constructor(message: Message, publisher: Link) {
    this.message = message;
    this.publisher = publisher;
  }

  whenAccepted(done: (error?: unknown) => void): void {
    if (this.accepted || this.#failure !== undefined) return done(this.#failure);
    this.#waiting.push(done);
  }

  end(failure?: unknown): void {
    this.accepted = failure === undefined;
    this.#failure = failure;
    for (const done of this.#waiting.splice(0)) done(failure);
  }
}

/**
 * Flow control: messages for which one mailbox has no room and whose publishers wait, unread, until there is some. Each
 * connection has at most one here, since it is not read any further.
 */
export class HeldMessages implements Blocker {
  readonly #owner: { readonly connection: Link | null };
  #held: Held[] = [];

  constructor(owner: { readonly connection: Link | null }) {
    this.#owner = owner;
  }

  get depth(): number {
    return this.#held.length;
  }

  get connection(): Link | null {
    return this.#owner.connection;
  }

  add(message: Message, publisher: Link): void {
    message.keep();
    const held = new Held(message, publisher);
    this.#held.push(held);
    message.acceptedWhen(held);
    publisher.block(this);
  }

  /** Hands messages to `admit`, oldest first, as long as it takes them: it returns what their acceptance depends on, or null. */
  release(admit: (message: Message) => Acceptance | "taken" | null): void {
    for (let first = this.#held[0]; first !== undefined; first = this.#held[0]) {
      const stored = admit(first.message);
      if (stored === null) return;
      this.#held.shift();
      const held = first;
      held.publisher.unblock(this);
      if (stored === "taken") held.end();
      else stored.whenAccepted((error) => held.end(error));
    }
  }

  /** The publisher will send a QoS 1 message again when it is back; one of QoS 2 has been taken in already. */
  abandoned(publisher: Link): void {
    const gone = this.#held.filter((each) => each.publisher === publisher);
    this.#held = this.#held.filter((each) => each.publisher !== publisher);
    for (const each of gone) each.end(each.message.isOnce ? undefined : left());
  }

  /** There will be no room: the receiver is gone, and there is nobody left to keep the messages for. */
  clear(): void {
    for (const held of this.#held.splice(0)) {
      held.publisher.unblock(this);
      held.end();
    }
  }
}

function left(): WaypostError {
  return new WaypostError("ERR_CLOSED", "its publisher left before there was room for it");
}
