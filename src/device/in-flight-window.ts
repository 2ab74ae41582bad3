import type { Message } from "../store/message.ts";
import { type Lender, nobody } from "./share.ts";

/** What an in-flight message waits for; `release`: that the store has noted its PUBREC, and the PUBREL may leave. */
export const awaiting = { nothing: 0, puback: 1, pubrec: 2, release: 3, pubcomp: 4 } as const;
export type Awaiting = (typeof awaiting)[keyof typeof awaiting];

/** A message that is somebody else's until it is settled. */
export interface Loan {
  readonly lender: Lender;
  /** As it was lent, whatever was made of it for this receiver; null where only its PUBREL is owed. */
  readonly message: Message | null;
}

const owed: Loan = { lender: nobody, message: null };

export interface InFlight {
  packetId: number;
  awaits: Awaiting;
  /** Null where the message need not be sent again: after PUBREC, and in clean sessions. */
  message: Message | null;
  /** Place of the message in the order of all messages; with the id of its gateway it identifies the message. */
  sequence: number;
  brokerId: string;
  /** When it was sent, in ticks of `Grace`; -1 where the store knows of it, or need not. */
  sparedAt: number;
  /** The publisher's acknowledgement waits for this receiver. */
  isAwaited: boolean;
  /** Null for the device's own. */
  loan: Loan | null;
}

const PACKET_IDS = 65535;

/**
 * The messages on the way to one device that it has not acknowledged, in the order in which they were sent. Devices
 * acknowledge in order [MQTT-4.6.0-2], so the one looked for is nearly always the first.
 */
export class InFlightWindow {
  #entries: InFlight[] = [];
  #head = 0;
  #count = 0;
  // While entries come in the order of their sequence and none has a packet id other than the one that follows from
  // it, ids cannot clash within a span of 65,535 messages, and need not be compared.
  #regular = true;

  get count(): number {
    return this.#count;
  }

  /** Takes a message up under the packet id in its wire form, unless that is in use. */
  add(message: Message, awaits: Awaiting, keepMessage: boolean, sparedAt = -1, loan: Loan | null = null): InFlight {
    const { sequence, brokerId } = message;
    const packetId = this.#freeIdFor(message);
    const kept = keepMessage ? message : null;
    const entry = { packetId, awaits, message: kept, sequence, brokerId, sparedAt, isAwaited: false, loan };
    this.#append(entry);
    return entry;
  }

  /** Takes up what a reloaded session had in flight. */
  restore(message: Message, packetId: number, awaits: Awaiting): void {
    const { sequence, brokerId } = message;
    this.#restore({ packetId, awaits, message, sequence, brokerId, sparedAt: -1, isAwaited: false, loan: null });
  }

  /** Takes up a message of a reloaded session of which only the release is left to do. */
  restoreReleased(packetId: number, brokerId: string, sequence: number): void {
    const awaits = awaiting.pubcomp;
    this.#restore({ packetId, awaits, message: null, sequence, brokerId, sparedAt: -1, isAwaited: false, loan: null });
  }

  /**
   * Takes out what is lent: for each lender its messages, oldest first. `keepsIds`: the client's session goes on, and the
   * client may remember the packet id of a QoS 2 message until its PUBREL, which is all that stays.
   */
  takeLoans(keepsIds: boolean): Map<Lender, Message[]> {
    const byLender = new Map<Lender, Message[]>();
    for (const entry of this.list()) {
      const { lender, message = null } = entry.loan ?? {};
      if (lender === undefined || message === null) continue;
      if (keepsIds && entry.awaits !== awaiting.puback) {
        Object.assign(entry, { awaits: awaiting.pubcomp, message: null, loan: owed });
      } else this.settle(entry);
      const messages = byLender.get(lender);
      if (messages === undefined) byLender.set(lender, [message]);
      else messages.push(message);
    }
    return byLender;
  }

  find(packetId: number): InFlight | undefined {
    const first = this.#entries[this.#head];
    if (first !== undefined && first.packetId === packetId && first.awaits !== awaiting.nothing) return first;
    for (let i = this.#head + 1; i < this.#entries.length; i++) {
      const entry = this.#entries[i] as InFlight;
      if (entry.packetId === packetId && entry.awaits !== awaiting.nothing) return entry;
    }
    return undefined;
  }

  /** Removes an entry that `find` returned. */
  settle(entry: InFlight): void {
    entry.awaits = awaiting.nothing;
    entry.message = null;
    this.#count--;
    const entries = this.#entries;
    while (this.#head < entries.length && (entries[this.#head] as InFlight).awaits === awaiting.nothing) this.#head++;
    if (this.#count === 0) this.#regular = true;
    if (this.#head === entries.length) {
      entries.length = 0;
      this.#head = 0;
    } else if (entries.length > 64 && entries.length > 2 * this.#count) {
      this.#entries = entries.filter((each) => each.awaits !== awaiting.nothing);
      this.#head = 0;
    }
  }

  /** Everything in flight, oldest first. */
  list(): InFlight[] {
    return this.#entries.filter((entry) => entry.awaits !== awaiting.nothing);
  }

  /** Calls back with everything in flight, oldest first, without a copy. */
  forEach(visit: (entry: InFlight) => void): void {
    for (let i = this.#head; i < this.#entries.length; i++) {
      const entry = this.#entries[i] as InFlight;
      if (entry.awaits !== awaiting.nothing) visit(entry);
    }
  }

  #restore(entry: InFlight): void {
    this.#regular = false;
    this.#append(entry);
  }

  #append(entry: InFlight): void {
    this.#entries.push(entry);
    this.#count++;
  }

  #freeIdFor({ sequence, packetId }: Message): number {
    const first = this.#entries[this.#head];
    if (first === undefined) return packetId;
    const last = this.#entries[this.#entries.length - 1] as InFlight;
    if (this.#regular && sequence > last.sequence && sequence - first.sequence < PACKET_IDS) return packetId;
    let free = packetId;
    while (this.find(free) !== undefined) free = (free % PACKET_IDS) + 1;
    this.#regular = this.#regular && free === packetId && sequence > last.sequence;
    return free;
  }
}
