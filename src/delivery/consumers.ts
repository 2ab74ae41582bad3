import type { Borrower, ShareOptions } from "../device/share.ts";
import type { Message } from "../store/message.ts";
import { Consumer } from "./consumer.ts";

/** Keys whose consumer is remembered. */
const KEYS_MAX = 100_000;

export interface DispatchSettings {
  readonly consumerWindow: number;
  readonly consumersMax: number;
  readonly dispatch: "least-busy" | "round-robin" | "by-key";
}

/**
 * The consumers of one queue, and whose turn it is. Those that are connected work in the order in which they came, as many
 * as may; the others step in where one leaves.
 */
export class Consumers {
  readonly #settings: () => DispatchSettings;
  readonly #byId = new Map<string, Consumer>();
  /** Those that get no more, and have not settled what they have: one that comes back has no second window. */
  readonly #leaving = new Map<string, Consumer>();
  /** Those that have left and have nothing, while keys are theirs. */
  readonly #gone = new Set<Consumer>();
  /** Those that are connected, in the order in which they came. */
  #online: Consumer[] = [];
  #active: Consumer[] = [];
  #turn = 0;
  /** Who has the messages of each key. */
  readonly #seats = new Map<string, Consumer>();
  readonly #keysHeld: () => ReadonlySet<string>;

  /** `keysHeld`: those of messages that a consumer has, or that wait for one. */
  constructor(settings: () => DispatchSettings, keysHeld: () => ReadonlySet<string>) {
    this.#settings = settings;
    this.#keysHeld = keysHeld;
  }

  get all(): Iterable<Consumer> {
    return this.#byId.values();
  }

  /** Those that get messages. */
  get active(): readonly Consumer[] {
    return this.#active;
  }

  get hasRoom(): boolean {
    const { consumerWindow } = this.#settings();
    return this.#active.some((consumer) => consumer.hasRoom(consumerWindow));
  }

  join(device: Borrower, options: ShareOptions): void {
    const { id } = device;
    const known = this.#byId.get(id) ?? this.#leaving.get(id);
    this.#leaving.delete(id);
    this.#byId.set(id, known ?? new Consumer(device, options));
    if (known !== undefined) {
      known.device = device;
      known.options = options;
    }
    if (device.isOnline) this.came(device);
  }

  /** Returns the consumer that has left; undefined where it was none. */
  leave(device: { readonly id: string }): Consumer | undefined {
    const consumer = this.went(device);
    this.#byId.delete(device.id);
    for (const [id, { inDelivery }] of this.#leaving) if (inDelivery === 0) this.#leaving.delete(id);
    if (consumer === undefined) return undefined;
    if (consumer.inDelivery > 0) this.#leaving.set(device.id, consumer);
    else this.#gone.add(consumer);
    return consumer;
  }

  came({ id }: { readonly id: string }): void {
    const consumer = this.#byId.get(id);
    if (consumer === undefined || this.#online.includes(consumer)) return;
    this.#online.push(consumer);
    consumer.refusals = null; // by now it may take what it did not
    this.#choose();
  }

  /** Returns the consumer; undefined where it is none. */
  went({ id }: { readonly id: string }): Consumer | undefined {
    const consumer = this.#byId.get(id);
    if (consumer === undefined || !this.#online.includes(consumer)) return consumer;
    this.#online = this.#online.filter((each) => each !== consumer);
    this.#choose();
    return consumer;
  }

  /** Keys of those that are gone are nobody's. To be called once a second. */
  sweep(): void {
    if (this.#gone.size === 0) return;
    for (const [key, seated] of this.#seats) if (this.#gone.has(seated)) this.#seats.delete(key);
    this.#gone.clear();
  }

  /** The settings have changed. */
  refresh(): void {
    this.#choose();
  }

  /** The consumer whose turn it is among those that have room and take the message; not `last`, where there is another. */
  next(message: Message, last: Consumer | null): Consumer | undefined {
    const { consumerWindow, dispatch } = this.#settings();
    const active = this.#active;
    let best: Consumer | undefined;
    let bestPlace = 0;
    let isLastFree = false;
    for (let i = 0; i < active.length; i++) {
      const place = (this.#turn + i) % active.length;
      const consumer = active[place] as Consumer;
      if (!consumer.hasRoom(consumerWindow) || consumer.refuses(message)) continue;
      if (consumer === last) {
        isLastFree = true;
        continue;
      }
      if (best !== undefined && consumer.inDelivery >= best.inDelivery) continue;
      best = consumer;
      bestPlace = place;
      if (dispatch === "round-robin" || consumer.inDelivery === 0) break;
    }
    if (best === undefined) return isLastFree && last !== null ? last : undefined;
    this.#turn = bestPlace + 1;
    return best;
  }

  /** The least busy one that takes the message, with room or without. */
  nextWithoutRoom(message: Message): Consumer | undefined {
    let best: Consumer | undefined;
    for (const consumer of this.#active) {
      if (!consumer.refuses(message) && (best === undefined || consumer.inDelivery < best.inDelivery)) best = consumer;
    }
    return best;
  }

  isActive(consumer: Consumer): boolean {
    return this.#active.includes(consumer);
  }

  /** Who has the messages of this key, or had; undefined where nobody had. */
  seatOf(key: string): Consumer | undefined {
    return this.#seats.get(key);
  }

  /** The messages of the key are this consumer's, as long as it is there. */
  seat(key: string, consumer: Consumer): void {
    this.#seats.set(key, consumer);
    if (this.#seats.size > KEYS_MAX) this.#forgetIdle();
  }

  /** The next message of the key may go to anybody. */
  forgetKey(key: string): void {
    this.#seats.delete(key);
  }

  /** The next message of a key of these consumers may go to anybody, but for keys of which somebody has something. */
  forgetKeysOf(consumers: ReadonlySet<Consumer>, held: ReadonlySet<string>): void {
    for (const [key, seated] of this.#seats) if (consumers.has(seated) && !held.has(key)) this.#seats.delete(key);
  }

  /** Those of which nobody has anything, a tenth of all at a time. */
  #forgetIdle(): void {
    const held = this.#keysHeld();
    let left = KEYS_MAX / 10;
    for (const key of this.#seats.keys()) {
      if (held.has(key)) continue;
      this.#seats.delete(key);
      if (--left === 0) return;
    }
  }

  #choose(): void {
    this.#active = this.#online.slice(0, this.#settings().consumersMax);
  }
}
