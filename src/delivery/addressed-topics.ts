import { listenerOf } from "../broker/listener-of.ts";
import type { Receiver } from "../broker/router.ts";
import type { DropReason } from "../device/counters.ts";
import type { Destination } from "../device/dead-letter-box.ts";
import type { DeviceContext } from "../device/device-context.ts";
import type { Acceptance } from "../store/acceptance.ts";
import type { Message } from "../store/message.ts";
import { addressOf } from "../topic/address.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { Groups } from "./groups.ts";
import type { Queues } from "./queues.ts";

/** Accepted when this has happened. */
class UntilDurable implements Acceptance {
  accepted = false;
  readonly #durable: PromiseLike<void>;

  constructor(durable: PromiseLike<void>) {
    this.#durable = durable;
    durable.then(
      () => {
        this.accepted = true;
      },
      () => {}, // who waits is told
    );
  }

  whenAccepted(done: (error?: unknown) => void): void {
    this.#durable.then(() => done(), done);
  }
}

/**
 * What is published to `$queue/<name>/<topic>` goes to that queue and to nobody else, and to `$group/<name>/<topic>` to each
 * member of that group; both get it as published to `<topic>`.
 */
export class AddressedTopics implements Receiver {
  readonly #context: DeviceContext;
  readonly #queues: Queues;
  readonly #groups: Groups;
  readonly #deadLetters: DeadLetters;

  constructor(context: DeviceContext, queues: Queues, groups: Groups, deadLetters: DeadLetters) {
    this.#context = context;
    this.#deadLetters = deadLetters;
    this.#queues = queues;
    this.#groups = groups;
  }

  /** Takes its place in the router. */
  start(): void {
    const listener = listenerOf(this);
    for (const filter of ["$queue/#", "$group/#"]) this.#context.broker.subscribe(filter, listener as never, () => {});
  }

  deliver(message: Message): void {
    const address = addressOf(message.topic);
    if (address === undefined) return;
    const { broker } = this.#context;
    const { kind, name } = address;
    const own = message.sentOn(broker.id, ++broker.counter, address.topic);
    const told = kind === "queue" ? own : own.forOne();
    const reached = kind === "queue" ? this.#enqueue(name, told) : this.#groups.multicast(name, told);
    if (typeof reached === "string") return this.#fail(message, reached, { kind, name });
    if (told.refusals >= reached) message.refuse();
    if (!told.accepted) message.acceptedWhen(told);
  }

  crashed(reason: unknown, message: Message): void {
    this.#context.log.error(
      { topic: message.topic, error: reason },
      "a message to a queue or a group was not delivered",
    );
  }

  reachesNobody(topic: string): boolean {
    const address = addressOf(topic);
    if (address === undefined) return true;
    const { kind, name } = address;
    return kind === "queue" ? this.#queues.get(name) === undefined : this.#groups.membersOf(name).length === 0;
  }

  #enqueue(name: string, message: Message): number | "no-such-queue" {
    const queue = this.#queues.get(name);
    queue?.deliver(message);
    return queue === undefined ? "no-such-queue" : 1;
  }

  /**
   * It goes to the dead letters under the topic that it was published to, so that it can be sent there again. The letter is
   * all that there is of it: its publisher's acknowledgement waits until that is on the disk.
   */
  #fail(message: Message, reason: DropReason, destination: Destination): void {
    this.#context.undelivered(message, reason, destination);
    if (message.qos > 0) message.acceptedWhen(new UntilDurable(this.#deadLetters.secure()));
  }
}
