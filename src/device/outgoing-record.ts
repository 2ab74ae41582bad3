import type { Message } from "../broker/message.ts";
import type { DeviceContext } from "./device-context.ts";
import type { Session } from "./session.ts";

/**
 * What the store is told of the messages on their way to one device; nothing, where the session ends with its
 * connection. Delivery does not wait for the store: that it failed is counted and logged.
 */
export class OutgoingRecord {
  readonly #device: { readonly id: string; readonly session: Session };
  readonly #context: DeviceContext;

  constructor(device: { readonly id: string; readonly session: Session }, context: DeviceContext) {
    this.#device = device;
    this.#context = context;
  }

  /** The device has taken the message; the publisher's acknowledgement waits for the store. */
  taken(message: Message): void {
    // Another gateway that shares the store has enqueued its own messages, as aedes does.
    if (this.#device.session.clean || message.brokerId !== this.#context.broker.id) return;
    const stored = this.#enqueue(message);
    if (stored instanceof Promise) message.acceptedWhen(stored);
  }

  /** The device was sent a retained message, or it waits for it: no publisher waits for the store. */
  calledUp(message: Message): void {
    if (!this.#device.session.clean) this.#note(this.#enqueue(message));
  }

  sent({ brokerId, brokerCounter }: Message, packetId: number): void {
    if (this.#device.session.clean) return;
    this.#note(this.#store.outgoingUpdate(this.#device, { brokerId, brokerCounter, messageId: packetId }));
  }

  /** PUBREC came: only the release is left to do. */
  received(packetId: number): void {
    if (this.#device.session.clean) return;
    this.#note(this.#store.outgoingUpdate(this.#device, { cmd: "pubrel", messageId: packetId }));
  }

  settled(packetId: number): void {
    if (this.#device.session.clean) return;
    this.#note(this.#store.outgoingClearMessageId(this.#device, { messageId: packetId }));
  }

  /** The message was given up before it was sent. */
  givenUp({ brokerId, brokerCounter }: Message): void {
    if (this.#device.session.clean) return;
    this.#note(this.#store.outgoingClearMessageId(this.#device, { messageId: undefined, brokerId, brokerCounter }));
  }

  get #store() {
    return this.#context.broker.store;
  }

  #enqueue(message: Message): PromiseLike<void> {
    message.keep();
    return this.#store.outgoingEnqueue({ clientId: this.#device.id }, message.toPacket());
  }

  #note(result: PromiseLike<unknown>): void {
    if (!(result instanceof Promise)) return;
    result.catch((error) => {
      this.#context.counters.dropped["store-failed"]++;
      this.#context.log.error({ device: this.#device.id, error }, "the store could not note the progress of a message");
    });
  }
}
