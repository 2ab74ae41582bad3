import type { Bounded, MailboxLimits, Waiting } from "../actor/mailbox.ts";
import type { Amount, Usage } from "../store/usage.ts";
import type { DropReason } from "./counters.ts";
import type { WhenFull } from "./device-settings.ts";
import type { TopicClass } from "./topic-classes.ts";

/** What becomes of a message: it may be put into the mailbox, it was refused, or its publisher has to wait. */
export type Verdict = "admit" | "drop" | "hold";

/** Whose mailbox it is; told before `admit` returns. It must not put anything into a mailbox meanwhile. */
export interface AdmissionOwner<T> {
  /** A message was taken out of the mailbox. The store's usage must be without it when this returns. */
  removed(message: T, reason: DropReason): void;
  /** The arriving message is refused. */
  dropped(message: T, reason: DropReason): void;
}

/** One message that arrives, and where. */
interface Arrival<T extends Waiting> {
  readonly message: T;
  readonly mailbox: Bounded<T>;
  readonly topicClass: TopicClass;
  readonly counted: boolean;
  readonly owner: AdmissionOwner<T>;
}

/**
 * Messages that one arrival may cost a mailbox beyond the mailbox's own limits: what is removed here frees nothing of the
 * store while others wait for it too.
 */
const REMOVALS_MAX = 16;

/** What a mailbox may hold, and all of them together. */
export interface AdmissionLimits {
  readonly mailboxes: Readonly<MailboxLimits> & { readonly whenFull: WhenFull };
  readonly store: Readonly<MailboxLimits>;
}

/** Knows the limits that a message has beside those of the mailbox. */
interface Classes {
  ofMessage(message: Waiting): TopicClass;
}

/**
 * Decides whether there is room for one message in one mailbox: in the mailbox itself, in its class over all mailboxes,
 * and in the whole store. Settings and usage are read at each decision. One object for all mailboxes that
 * have the same rules.
 */
export class Admission {
  readonly #settings: AdmissionLimits;
  readonly #classes: Classes;
  readonly #usage: Usage | null;

  /** `usage` is null where the store does not count: then only the mailbox has limits. */
  constructor(settings: AdmissionLimits, classes: Classes, usage: Usage | null) {
    this.#settings = settings;
    this.#classes = classes;
    this.#usage = usage;
  }

  /**
   * Makes room as the limit behaviour says. `counted`: the usage has the message already, because another receiver waits
   * for it; then only the limits of the mailbox apply. After "admit" it is for the caller to put it into the mailbox.
   */
  admit<T extends Waiting>(message: T, mailbox: Bounded<T>, counted: boolean, owner: AdmissionOwner<T>): Verdict {
    const topicClass = this.#classes.ofMessage(message);
    const { mailboxes } = this.#settings;
    if (mailbox.fits(message, mailboxes) && (counted || this.#fullBeyond(message, topicClass) === undefined)) {
      return "admit";
    }
    const arrival = { message, mailbox, topicClass, counted, owner };
    const tooLarge = this.#tooLargeFor(arrival);
    const whenFull = topicClass.whenFull ?? mailboxes.whenFull;
    if (tooLarge === undefined && whenFull === "flow-control") return "hold";
    const refusal =
      tooLarge ??
      (whenFull === "reject-newest" ? this.full(message, mailbox, counted) : this.#makeRoom(arrival, whenFull));
    if (refusal === undefined) return "admit";
    owner.dropped(message, refusal);
    return "drop";
  }

  /** The first limit that the message meets, if any. */
  full<T extends Waiting>(message: T, mailbox: Bounded<T>, counted: boolean): DropReason | undefined {
    if (!mailbox.fits(message, this.#settings.mailboxes)) return "mailbox-full";
    return counted ? undefined : this.#fullBeyond(message, this.#classes.ofMessage(message));
  }

  /** The first limit that is exceeded, if any, where a message of this kind has come in already. `clean`: the store has none. */
  exceeded<T extends Waiting>(message: T, mailbox: Bounded<T>, clean: boolean): DropReason | undefined {
    const { mailboxes, store } = this.#settings;
    if (exceeds({ messages: mailbox.depth, bytes: mailbox.bytes }, mailboxes)) return "mailbox-full";
    if (clean || this.#usage === null) return undefined;
    const topicClass = this.#classes.ofMessage(message);
    if (exceeds(this.#usage.ofKind(topicClass.index), topicClass)) return "class-full";
    return exceeds(this.#usage, store) ? "store-full" : undefined;
  }

  /** The first limit beyond the mailbox that the message meets, if any. */
  #fullBeyond(message: Waiting, topicClass: TopicClass): DropReason | undefined {
    if (!this.#fitsClass(message, topicClass)) return "class-full";
    return this.#fitsStore(message) ? undefined : "store-full";
  }

  #fitsClass(message: Waiting, topicClass: TopicClass): boolean {
    return this.#usage === null || fits(message, this.#usage.ofKind(topicClass.index), topicClass);
  }

  #fitsStore(message: Waiting): boolean {
    return this.#usage === null || fits(message, this.#usage, this.#settings.store);
  }

  /** The first limit that the message would not fit if nothing else waited. */
  #tooLargeFor<T extends Waiting>({ message, topicClass, counted }: Arrival<T>): DropReason | undefined {
    const { mailboxes, store } = this.#settings;
    if (!fits(message, nothing, mailboxes)) return "mailbox-full";
    if (counted || this.#usage === null) return undefined;
    if (!fits(message, nothing, topicClass)) return "class-full";
    return fits(message, nothing, store) ? undefined : "store-full";
  }

  /**
   * Removes messages until the arriving one fits: undefined, or else the limit that it still meets. Those of its class go
   * first, since that makes room in the mailbox and in the store too.
   */
  #makeRoom<T extends Waiting>(arrival: Arrival<T>, whenFull: WhenFull): DropReason | undefined {
    const { message, mailbox, topicClass, counted, owner } = arrival;
    const { mailboxes } = this.#settings;
    const isByPriority = whenFull === "remove-low-priority";
    // Nothing is removed for a message that would not fit all the same.
    if (isByPriority && !mailbox.fitsAbove(topicClass.priority, message, mailboxes)) return "mailbox-full";
    const told = (removed: T | undefined): boolean => {
      if (removed !== undefined) owner.removed(removed, isByPriority ? "low-priority-removed" : "mailbox-removed");
      return removed !== undefined;
    };
    const removeAny = () => told(isByPriority ? mailbox.removeLowest(topicClass.priority) : mailbox.removeOldest());
    let removals = 0;
    while (!counted && !this.#fitsClass(message, topicClass)) {
      if (removals++ === REMOVALS_MAX || !told(mailbox.removeOldest(topicClass.index))) return "class-full";
    }
    while (!mailbox.fits(message, mailboxes)) if (!removeAny()) return "mailbox-full";
    while (!counted && !this.#fitsStore(message)) {
      if (removals++ === REMOVALS_MAX || !removeAny()) return "store-full";
    }
    return undefined;
  }
}

const nothing: Amount = { messages: 0, bytes: 0 };

function fits(message: Waiting, held: Amount, { messagesMax, bytesMax }: Readonly<MailboxLimits>): boolean {
  return held.messages < messagesMax && held.bytes + message.bytes <= bytesMax;
}

function exceeds(held: Amount, { messagesMax, bytesMax }: Readonly<MailboxLimits>): boolean {
  return held.messages > messagesMax || held.bytes > bytesMax;
}
