import type { Clock } from "../actor/clock.ts";
import type { Log } from "../log.ts";
import type { DropReason } from "./counters.ts";

/** Time between two lines. */
const INTERVAL_MS = 10_000;
/** Devices named in one line. */
const NAMES_MAX = 5;

const advice: Record<DropReason, string> = {
  "slow-reader": "QoS 0 messages for a device that reads too slowly are dropped",
  "mailbox-full": "a mailbox is full and takes no more: let the device read faster, or raise mailboxes.messagesMax",
  "mailbox-removed":
    "a full mailbox removes its oldest messages: let the device read faster, or raise mailboxes.messagesMax",
  "not-authorized": "authorizeForward keeps messages from a device",
  "store-failed": "the store could not note the progress of messages",
};

/** Says that messages are being dropped: at once when it begins, and then not more often than every ten seconds. */
export class DropLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #since = new Map<DropReason, { messages: number; devices: Set<string> }>();
  #resting = false;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
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
      this.#log.warn({ reason, messages, devices: [...devices] }, advice[reason]);
    }
    this.#since.clear();
    this.#clock.after(INTERVAL_MS, () => this.#write());
  }
}
