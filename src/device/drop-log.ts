import type { Clock } from "../actor/clock.ts";
import type { Log } from "../log.ts";
import type { DropReason } from "./counters.ts";

/** Time between two lines. */
const INTERVAL_MS = 10_000;
/** Devices named in one line. */
const NAMES_MAX = 5;

const advice: Record<DropReason, string> = {
  "slow-reader": "QoS 0 messages for a device that reads too slowly are dropped",
  "mailbox-full":
    "a mailbox is full and takes no more: let the device read faster, or raise mailboxes.messagesMax or mailboxes.bytesMax",
  "mailbox-removed":
    "where there is no room, the oldest messages of a mailbox are removed: let the device read faster, or raise mailboxes.messagesMax or mailboxes.bytesMax",
  "low-priority-removed":
    "where there is no room, the messages of the lowest priority are removed: let the device read faster, or raise mailboxes.messagesMax or mailboxes.bytesMax",
  "class-full":
    "a class of topics is full and takes no more: let its devices read faster, or raise its messagesMax or bytesMax in mailboxes.classes",
  "store-full":
    "the store is full and takes no more: let the devices read faster, or raise store.messagesMax or store.bytesMax",
  expired:
    "messages waited too long and expired: let the device return sooner, or raise what limits their time, which is the message expiry interval of their publisher, mailboxes.timeToLiveSeconds, or that of their class in mailboxes.classes",
  "retained-full":
    "retained messages are delivered but not kept: clear some by an empty one on their topic, or raise retained.messagesMax or retained.bytesMax",
  refused:
    "messages of MQTT 5 clients are refused: not allowed, or their topic or payload is not accepted; the client is told which",
  "too-large": "messages are over the maximum packet size that their MQTT 5 receiver asked for",
  "not-authorized": "authorizeForward keeps messages from a device",
  "store-failed": "the store could not note the progress of messages",
  "deliveries-exceeded":
    "messages were delivered from a queue as often as its deliveriesMax says and never settled: see `waypost dead-letters list`",
  "no-such-queue": "messages are published to a queue that does not exist: add it to queues, or correct the publisher",
  "queue-removed": "the messages of a queue that was removed became dead letters",
  "no-such-group": "messages are published to a group that does not exist: add it to groups, or correct the publisher",
  "empty-group": "messages are published to a group of which no device is known",
  loop: "messages come back over bridges to the gateway where they began",
  rejected: "the upstream of a bridge refuses messages: they became dead letters",
};

/** Says that messages are being dropped: at once when it begins, and then not more often than every ten seconds. */
export class DropLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #advice: Readonly<Partial<Record<DropReason, string>>>;
  readonly #since = new Map<DropReason, { messages: number; devices: Set<string> }>();
  #resting = false;

  /** `ownAdvice`: for receivers that are no devices, what is to be done where that is something else. */
  constructor(log: Log, clock: Clock, ownAdvice: Readonly<Partial<Record<DropReason, string>>> = {}) {
    this.#log = log;
    this.#clock = clock;
    this.#advice = ownAdvice;
  }

  note(device: string, reason: DropReason): void {
    let noted = this.#since.get(reason);
    if (noted === undefined) {
      noted = { messages: 0, devices: new Set() };
      this.#since.set(reason, noted);
    }
    noted.messages++;
    if (noted.devices.size < NAMES_MAX) noted.devices.add(device);
    if (!this.#resting) this.#write();
  }

  #write(): void {
    if (this.#since.size === 0) {
      this.#resting = false;
      return;
    }
    this.#resting = true;
    for (const [reason, { messages, devices }] of this.#since) {
      this.#log.warn({ reason, messages, devices: [...devices] }, this.#advice[reason] ?? advice[reason]);
    }
    this.#since.clear();
    this.#clock.after(INTERVAL_MS, () => this.#write());
  }
}
