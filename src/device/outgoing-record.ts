import type { Acceptance } from "../store/acceptance.ts";
import type { Message } from "../store/message.ts";
import type { DeviceContext } from "./device-context.ts";
import type { InFlight } from "./in-flight-window.ts";

/** Whose messages they are. */
interface Recorded {
  readonly id: string;
  readonly session: { readonly clean: boolean };
  /** Whether nothing is promised of a message beyond this process, and it is enough to have it in the line. */
  isVolatile?(message: Message): boolean;
}

/**
 * What the store is told of the messages on their way to one device; nothing, where the session ends with its
 * connection. That it failed is counted and logged.
 */
export class OutgoingRecord {
  readonly #device: Recorded;
  readonly #context: DeviceContext;
  readonly #tellSpared: () => void;

  /** `tellSpared` tells the store of everything that it was spared, before it is told of something newer. */
  constructor(device: Recorded, context: DeviceContext, tellSpared: () => void) {
    this.#device = device;
    this.#context = context;
    this.#tellSpared = tellSpared;
  }

  /** Whether the store may be told later of a message that is being sent. */
  spares(message: Message): boolean {
    return !this.#device.session.clean && !this.#store.shared && !message.isOnce;
  }

  /** The message was sent, and the store is not told: the publisher's acknowledgement waits for the receiver's. */
  spared(message: Message, entry: InFlight): void {
    this.classify(message);
    if (!this.#store.promises(message.kind)) return;
    entry.isAwaited = true;
    message.awaitsReceiver();
  }

  /** The receiver of a message that the store was not told of has acknowledged it, or the store was told after all. */
  spareEnded(message: Message, entry: InFlight): void {
    if (entry.isAwaited) message.receiverDone();
    entry.isAwaited = false;
  }

  /**
   * The device has taken the message; the publisher's acknowledgement waits for the store. `isSent`: it has left under
   * the packet id in its wire form. Returns what is waited for, or null.
   */
  taken(message: Message, isSent = false): Acceptance | null {
    if (this.#device.session.clean) return null;
    if (this.#device.isVolatile !== undefined) {
      this.classify(message);
      if (this.#device.isVolatile(message)) return null;
    }
    // Another gateway that shares the store has enqueued its own messages, as aedes does.
    if (this.#store.shared && message.brokerId !== this.#context.broker.id) return null;
    const stored = this.#keep(message, isSent);
    if (stored.accepted) return null;
    message.acceptedWhen(stored);
    return stored;
  }

  /** The device was sent a retained message, or it waits for it: no publisher waits for the store. */
  calledUp(message: Message): void {
    if (this.#device.session.clean) return;
    const stored = this.#keep(message, false);
    if (!stored.accepted) stored.whenAccepted((error) => error !== undefined && this.#failed(error));
  }

  sent(message: Message, packetId: number): void {
    if (!this.#device.session.clean) this.#note(this.#store.sent(this.#device.id, message, packetId));
  }

  /** PUBREC came: `done` is called when the store has noted that only the release is left to do. */
  received({ brokerId, sequence, packetId }: InFlight, done: () => void): void {
    if (this.#device.session.clean) return done();
    this.#store.release(this.#device.id, brokerId, sequence, packetId).then(done, (error) => {
      this.#failed(error);
      done();
    });
  }

  settled({ brokerId, sequence, packetId }: InFlight): void {
    if (this.#device.session.clean) return;
    this.#note(this.#store.settle(this.#device.id, brokerId, sequence, packetId));
  }

  /** The message was given up before it was sent. */
  givenUp({ brokerId, brokerCounter }: Message): void {
    if (!this.#device.session.clean) this.#note(this.#store.settle(this.#device.id, brokerId, brokerCounter));
  }

  get #store() {
    return this.#context.broker.store;
  }

  #keep(message: Message, isSent: boolean): Acceptance {
    this.#tellSpared(); // what is stored of a device's line has no gap before it [MQTT-4.6.0-6]
    this.classify(message);
    return this.#store.keep(this.#device.id, message, isSent);
  }

  /** Says what class the message is of and when it came: once, before anybody counts it. */
  classify(message: Message): void {
    if (message.publishedAt > 0) return;
    message.kind = this.#context.classes.of(message.topic);
    message.publishedAt = Math.floor(this.#context.clock.now() / 1000);
  }

  #note(result: PromiseLike<unknown>): void {
    if (result instanceof Promise) result.catch((error) => this.#failed(error));
  }

  #failed(error: unknown): void {
    this.#context.counters.dropped["store-failed"]++;
    this.#context.log.error({ device: this.#device.id, error }, "the store could not note the progress of a message");
  }
}
