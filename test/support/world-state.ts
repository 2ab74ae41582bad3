import { Message } from "../../src/store/message.ts";
import { NEVER_EXPIRES } from "../../src/store/store.ts";
import type { SeededRandom } from "../scenario/seeded-random.ts";
import type { StoreWorld } from "./store-world.ts";
import { saysTheSame, worldProperties } from "./world-properties.ts";

const SUBSCRIBER = { id: "subscriber\n" };
const SLOTS = 6;

/** What a slot may hold: what was last promised, or what was asked for since and not promised yet. */
interface Slot {
  promised: number;
  asked: { value: number }[];
}

/** Retained messages, subscriptions and a session that is discarded again and again: 0 stands for nothing there. */
export class WorldState {
  readonly #world: StoreWorld;
  readonly #random: SeededRandom;
  readonly #fault: (text: string) => void;
  readonly #retained: Slot[] = Array.from({ length: SLOTS }, () => ({ promised: 0, asked: [] }));
  readonly #subscribed: Slot[] = Array.from({ length: SLOTS }, () => ({ promised: 0, asked: [] }));
  #count = 0;
  #underWay = 0;
  /** Texts of messages for the session that is discarded; and of those that it must not have any more. */
  readonly #fleeting = new Set<string>();
  readonly #discarded = new Set<string>();
  #isDiscarding = false;

  constructor(world: StoreWorld, random: SeededRandom, fault: (text: string) => void) {
    this.#world = world;
    this.#random = random;
    this.#fault = fault;
  }

  get idle(): boolean {
    return this.#underWay === 0;
  }

  /** The client whose session is discarded gets this message too, unless that is under way. */
  take(message: Message): void {
    if (this.#isDiscarding) return;
    const text = message.payload.toString();
    this.#fleeting.add(text);
    this.#discarded.delete(text); // its publisher has sent it again
    message.acceptedWhen(this.#world.session.store.keep("fleeting", message, false));
  }

  act(): void {
    const index = this.#random.below(SLOTS);
    const dice = this.#random.below(10);
    if (dice === 0) this.#discard();
    else if (dice < 5) this.#retain(index);
    else this.#subscribe(index);
  }

  /** The gateway is back: what is there has to be what was promised, or asked for since. */
  async check(): Promise<void> {
    this.#underWay = 0;
    const { store } = this.#world.session;
    for (const [index, slot] of this.#retained.entries()) {
      const [found] = await store.retainedMatching([`retained/${index}`]);
      this.#compare(`retained/${index}`, slot, found === undefined ? 0 : Number(found.payload));
      if (found === undefined || saysTheSame(String(found.payload), found.properties)) continue;
      this.#fault(`retained/${index} has other properties`);
    }
    const subscriptions = await store.subscriptionsByClient(SUBSCRIBER);
    for (const [index, slot] of this.#subscribed.entries()) {
      const found = subscriptions.find(({ topic }) => topic === `filter/${index}`);
      this.#compare(`filter/${index}`, slot, found?.subscriptionIdentifier ?? 0);
    }
    for (const { entry } of await store.outstanding("fleeting")) {
      const text = entry instanceof Message ? entry.payload.toString() : "";
      if (this.#discarded.has(text)) this.#fault(`"${text}" is back in a session that was discarded`);
    }
    this.#isDiscarding = false;
    // A session that is not there gets no messages; this one starts anew at once, as that of a client that comes back.
    await store.putSession({ id: "fleeting" }, 0, NEVER_EXPIRES);
    for (const { id } of this.#world.receivers) await store.putSession({ id }, 0, NEVER_EXPIRES);
  }

  #retain(index: number): void {
    const { store, broker } = this.#world.session;
    const value = this.#random.below(3) === 0 ? 0 : ++this.#count;
    const payload = Buffer.from(value === 0 ? "" : String(value));
    const identity = { cmd: "publish" as const, brokerId: broker.id, brokerCounter: ++broker.counter, dup: false };
    const said = { ...worldProperties(payload.toString()), qos: 1 as const, retain: true };
    void store.storeRetained({ ...identity, ...said, topic: `retained/${index}`, payload });
    this.#promise(this.#retained[index] as Slot, value, store.durable());
  }

  #subscribe(index: number): void {
    const { store } = this.#world.session;
    const value = this.#random.below(3) === 0 ? 0 : ++this.#count;
    const topic = `filter/${index}`;
    const done =
      value === 0
        ? store.removeSubscriptions(SUBSCRIBER, [topic])
        : store.addSubscriptions(SUBSCRIBER, [{ topic, qos: 1, subscriptionIdentifier: value }]);
    this.#promise(this.#subscribed[index] as Slot, value, done);
  }

  #discard(): void {
    if (this.#isDiscarding) return;
    const { store } = this.#world.session;
    this.#isDiscarding = true;
    const texts = [...this.#fleeting];
    this.#fleeting.clear();
    const done = () => {
      for (const text of texts) this.#discarded.add(text);
      this.#isDiscarding = false;
      void store.putSession({ id: "fleeting" }, 0, NEVER_EXPIRES);
    };
    store.discardSession({ id: "fleeting" }).then(this.#world.whileAlive(done));
  }

  #promise(slot: Slot, value: number, done: PromiseLike<void>): void {
    this.#underWay++;
    const mine = { value };
    slot.asked.push(mine);
    const fulfilled = () => {
      this.#underWay--;
      const at = slot.asked.indexOf(mine);
      if (at < 0) return; // what came later was promised before
      slot.promised = value;
      slot.asked.splice(0, at + 1);
    };
    done.then(this.#world.whileAlive(fulfilled));
  }

  #compare(what: string, slot: Slot, found: number): void {
    if (found !== slot.promised && !slot.asked.some(({ value }) => value === found)) {
      this.#fault(
        `${what} is ${found}; ${slot.promised} was promised, and asked for since: ${slot.asked.map(({ value }) => value)}`,
      );
    }
    slot.promised = found;
    slot.asked = [];
  }
}
