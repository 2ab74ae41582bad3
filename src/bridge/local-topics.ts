import { listenerOf } from "../broker/listener-of.ts";
import type { Listener, Receiver } from "../broker/router.ts";
import type { DeviceContext } from "../device/device-context.ts";
import { Message } from "../store/message.ts";
import type { TopicMapping } from "./topic-mapping.ts";

/** The place of a bridge in the router, and what was retained there before it had one. */
export class LocalTopics {
  readonly #context: DeviceContext;
  readonly #receiver: Receiver;
  readonly #listener: Listener;
  #filters: readonly string[] = [];
  /** Filters of which what was retained has gone up. */
  readonly #retainedOf = new Set<string>();

  constructor(context: DeviceContext, receiver: Receiver) {
    this.#context = context;
    this.#receiver = receiver;
    this.#listener = listenerOf(receiver);
  }

  /** Takes just these filters. */
  subscribe(filters: readonly string[]): void {
    const { broker } = this.#context;
    for (const filter of filters) {
      if (!this.#filters.includes(filter)) broker.subscribe(filter, this.#listener as never, () => {});
    }
    for (const filter of this.#filters) {
      if (!filters.includes(filter)) broker.unsubscribe(filter, this.#listener as never, () => {});
    }
    this.#filters = filters;
  }

  /** What was retained on these has gone up before this process began. */
  knows(filters: readonly string[]): void {
    for (const filter of filters) this.#retainedOf.add(filter);
  }

  /** What was retained before the bridge began goes up too, once, where it is not the upstream that says what it is. */
  async deliverRetained(mapping: TopicMapping): Promise<void> {
    const filters = this.#filters.filter((filter) => !this.#retainedOf.has(filter));
    if (filters.length === 0) return;
    this.knows(filters);
    const { broker } = this.#context;
    for (const packet of await broker.store.retainedMatching(filters)) {
      const mapped = mapping.up(packet.topic);
      if (mapped === undefined || mapping.down(mapped.topic) !== undefined) continue;
      // A delivery of its own: the store must tell it from the publish that left it behind.
      const copy = { ...packet, brokerId: broker.id, brokerCounter: ++broker.counter };
      this.#receiver.deliver(new Message(copy, packet.qos, false).kept, 2);
    }
  }
}
