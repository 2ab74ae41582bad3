import type { Acceptance } from "../store/acceptance.ts";
import type { Message } from "../store/message.ts";
import { WaypostError } from "../waypost-error.ts";
import type { Blocker, Link } from "./link.ts";

/** What became of a message: taken, once what it depends on is accepted; or there is no room for it, or none for its class. */
type Admitted = Acceptance | "taken" | "full" | "class-full";

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
  readonly #owner: Pick<Blocker, "waitsFor">;
  #held: Held[] = [];

  constructor(owner: Pick<Blocker, "waitsFor">) {
    this.#owner = owner;
  }

  get depth(): number {
    return this.#held.length;
  }

  waitsFor(publisher: Link, seen: Set<Link>): boolean {
    return this.#owner.waitsFor(publisher, seen);
  }

  add(message: Message, publisher: Link): void {
    message.keep();
    const held = new Held(message, publisher);
    this.#held.push(held);
    message.acceptedWhen(held);
    publisher.block(this);
  }

  /** Whether a message of this kind waits: none of its kind may come in before it. */
  has(kindIndex: number): boolean {
    return this.#held.some(({ message }) => message.kind.index === kindIndex);
  }

  /** Hands messages to `admit`, oldest first, and those of a class that is full not at all, until there is no room for any. */
  release(admit: (message: Message) => Admitted): void {
    const fullKinds = new Set<number>();
    for (let next = 0; next < this.#held.length; ) {
      const held = this.#held[next] as Held;
      const { index } = held.message.kind;
      const stored = fullKinds.has(index) ? "class-full" : admit(held.message);
      if (stored === "full") return;
      if (stored === "class-full") {
        fullKinds.add(index);
        next++;
        continue;
      }
      this.#held.splice(this.#held.indexOf(held), 1);
      this.#letGo(held, stored);
    }
  }

  /** Lets those go that wait in vain. */
  giveUp(isVain: (message: Message, publisher: Link) => boolean): void {
    for (const held of this.#held.filter(({ message, publisher }) => isVain(message, publisher))) {
      const place = this.#held.indexOf(held);
      if (place < 0) continue; // its publisher left while another was let go
      this.#held.splice(place, 1);
      this.#letGo(held, "taken");
    }
  }

  /** The publisher will send a QoS 1 message again when it is back; one of QoS 2 has been taken in already. */
  abandoned(publisher: Link): void {
    const gone = this.#held.filter((each) => each.publisher === publisher);
    this.#held = this.#held.filter((each) => each.publisher !== publisher);
    for (const each of gone) each.end(each.message.isOnce ? undefined : left());
  }

  /** There will be no room, but `take` may keep messages for a receiver that comes back: it returns what that depends on. */
  clear(take: (message: Message) => Acceptance | null): void {
    for (const held of this.#held.splice(0)) this.#letGo(held, take(held.message) ?? "taken");
  }

  #letGo(held: Held, stored: Acceptance | "taken"): void {
    held.publisher.unblock(this);
    if (stored === "taken") held.end();
    else stored.whenAccepted((error) => held.end(error));
  }
}

function left(): WaypostError {
  return new WaypostError("ERR_CLOSED", "its publisher left before there was room for it");
}
