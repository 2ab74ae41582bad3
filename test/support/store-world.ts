import type { Acceptance } from "../../src/store/acceptance.ts";
import { Message } from "../../src/store/message.ts";
import type { Store } from "../../src/store/store.ts";
import type { StoredPublish } from "../../src/store/stored-packets.ts";
import type { SeededRandom } from "../scenario/seeded-random.ts";
import { worldProperties } from "./world-properties.ts";
import { WorldPublisher } from "./world-publisher.ts";
import { WorldReceiver } from "./world-receiver.ts";
import { WorldState } from "./world-state.ts";

/** What a world works on, until the gateway dies. */
export interface Session {
  store: Store;
  broker: { id: string; counter: number };
}

/**
 * Devices, and what lies between them and the store, as far as the store can tell: each call in the order and on the
 * conditions that the gateway has. The devices outlive the gateway, and know what they were promised.
 */
export class StoreWorld {
  /** What was promised and is not so. */
  readonly faults: string[] = [];
  readonly publishers: WorldPublisher[];
  readonly receivers: WorldReceiver[];
  readonly state: WorldState;
  readonly #random: SeededRandom;
  #session: Session | null = null;
  #held: (() => void)[] = [];

  constructor(random: SeededRandom) {
    this.#random = random;
    const fault = (text: string) => this.faults.push(text);
    this.publishers = ["ann", "bob", "cy\n__proto__"].map((id) => new WorldPublisher(id, this));
    this.receivers = (["r1", "r2", "r3 \u{1f600}", '"r4'] as const).map(
      (id, index) => new WorldReceiver(id, index % 2 === 0 ? 2 : 1, fault),
    );
    this.state = new WorldState(this, random, fault);
  }

  get session(): Session {
    return this.#session as Session;
  }

  /** Runs `then` unless the gateway has died meanwhile. */
  whileAlive<T extends unknown[]>(then: (...args: T) => void): (...args: T) => void {
    const session = this.#session;
    return (...args) => {
      if (this.#session === session) then(...args);
    };
  }

  /** The gateway has started: checks what it has, and the devices come back. */
  async start(session: Session): Promise<void> {
    this.#session = session;
    await this.state.check();
    for (const receiver of this.receivers) await receiver.back(session, this);
    for (const publisher of this.publishers) publisher.back();
  }

  /** The gateway is gone. */
  die(): void {
    this.#held = [];
    this.#session = null;
  }

  /** One thing happens. */
  act(): void {
    const random = this.#random;
    const publisher = this.publishers[random.below(this.publishers.length)] as WorldPublisher;
    const receiver = this.receivers[random.below(this.receivers.length)] as WorldReceiver;
    const dice = random.below(100);
    if (dice < 35) publisher.publish(random.below(2) === 0 ? 1 : 2);
    else if (dice < 45) publisher.release();
    else if (dice < 85) receiver.handle(random.below(1 + receiver.inFlight), this);
    else if (dice < 90) receiver.comeOrGo(this);
    else if (dice < 93) this.#held.shift()?.();
    else this.state.act();
  }

  /** Nothing new happens, and what goes on is brought to its end. Returns true when all is done. */
  settle(): boolean {
    for (const take of this.#held.splice(0)) take();
    for (const publisher of this.publishers) publisher.release();
    for (const receiver of this.receivers) {
      if (!receiver.isHere) receiver.comeOrGo(this);
      while (receiver.handle(0, this));
    }
    return this.publishers.every(({ idle }) => idle) && this.receivers.every(({ idle }) => idle) && this.state.idle;
  }

  /** Hands a message to all receivers; `done` when it is accepted. */
  route(packet: Omit<StoredPublish, "brokerId" | "brokerCounter" | "cmd" | "retain" | "dup">, done: () => void): void {
    const { broker } = this.session;
    const common = { cmd: "publish" as const, retain: false, dup: false };
    const identity = { brokerId: broker.id, brokerCounter: ++broker.counter };
    const properties = worldProperties(packet.payload.toString());
    const message = new Message({ ...common, ...identity, ...packet, ...properties }, packet.qos, false);
    message.publishedAt = 1;
    for (const receiver of this.receivers) {
      if (packet.qos === 2 || this.#random.below(30) > 0) receiver.take(message.at(receiver.qos), this);
      else message.acceptedWhen(this.#hold(receiver, message.at(receiver.qos)));
    }
    this.state.take(message.at(1));
    message.whenAccepted(this.whileAlive(done));
  }

  /** Flow control: there is no room in the mailbox of this receiver; it takes the message later, and acceptance waits. */
  #hold(receiver: WorldReceiver, message: Message): Acceptance {
    const waiting: (() => void)[] = [];
    this.#held.push(() => {
      const stored = receiver.take(message, this);
      for (const done of waiting.splice(0)) stored.whenAccepted(done);
    });
    return {
      accepted: false,
      whenAccepted: (done) => {
        waiting.push(done);
      },
    };
  }

  /** What is not as it was promised, when all has come to its end. */
  verdict(): string[] {
    for (const publisher of this.publishers) {
      for (const [text, qos] of publisher.accepted) {
        for (const receiver of this.receivers) receiver.verify(text, qos);
      }
    }
    for (const receiver of this.receivers) receiver.verifyOnce();
    return this.faults;
  }
}
