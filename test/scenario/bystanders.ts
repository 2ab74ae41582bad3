import { expect } from "vitest";
import { RawClient } from "../support/raw-client.ts";

/**
 * Two clients that send messages to each other without a pause, each message when the one before has arrived, while
 * something happens to the gateway that must not concern them.
 */
export class Bystanders {
  readonly #sender: RawClient;
  readonly #receiver: RawClient;
  #sent = 0;
  #stopAfter = Number.POSITIVE_INFINITY;
  readonly #finished: Promise<void>;

  private constructor(sender: RawClient, receiver: RawClient) {
    this.#sender = sender;
    this.#receiver = receiver;
    this.#finished = this.#exchange();
    this.#finished.catch(() => {}); // reported by `unharmed`
  }

  static async watch(port: number): Promise<Bystanders> {
    const sender = await RawClient.connected(port, { clientId: "bystander-sender" });
    const receiver = await RawClient.connected(port, { clientId: "bystander-receiver" });
    await receiver.subscribe({ "bystanders/#": 1 });
    return new Bystanders(sender, receiver);
  }

  /** Fails if a message was lost, repeated or reordered, or a connection closed; waits for some more round trips. */
  async unharmed(): Promise<void> {
    this.#stopAfter = this.#sent + 5;
    await this.#finished;
    expect(this.#receiver.packets).toEqual([]);
    expect([this.#sender.isClosed, this.#receiver.isClosed]).toEqual([false, false]);
  }

  async #exchange(): Promise<void> {
    while (this.#sent < this.#stopAfter) {
      const number = ++this.#sent;
      const messageId = (number % 65535) + 1;
      this.#sender.publish("bystanders/talk", `${number}`, { qos: 1, messageId });
      const { payload, messageId: deliveryId } = await this.#receiver.message();
      expect(payload).toBe(`${number}`);
      this.#receiver.send({ cmd: "puback", messageId: deliveryId as number });
      await this.#sender.next("puback");
    }
  }
}
