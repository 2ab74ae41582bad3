import type { Acceptance } from "../../src/store/acceptance.ts";
import { Message } from "../../src/store/message.ts";
import { keyOf } from "../../src/store/message-key.ts";
import type { Session, StoreWorld } from "./store-world.ts";
import { saysTheSame } from "./world-properties.ts";

interface InFlight {
  brokerCounter: number;
  packetId: number;
  qos: 1 | 2;
  stage: "sent" | "received" | "released";
}

/** A device with a persistent session that acknowledges what it gets, some time, and tells repetitions by their packet id. */
export class WorldReceiver {
  readonly id: string;
  readonly qos: 1 | 2;
  isHere = true;
  readonly #fault: (text: string) => void;
  readonly #got: { text: string; qos: number }[] = [];
  /** Packet ids of QoS 2 messages that it has, and that were not released. */
  readonly #unreleased = new Set<number>();
  readonly #window = new Map<number, InFlight>();
  /** Waits until it is here, or until the store has it. */
  #waiting = new Map<number, Message>();

  constructor(id: string, qos: 1 | 2, fault: (text: string) => void) {
    this.id = id;
    this.qos = qos;
    this.#fault = fault;
  }

  get inFlight(): number {
    return this.#window.size;
  }

  get idle(): boolean {
    return this.#window.size === 0 && this.#waiting.size === 0;
  }

  /** Takes a message as a device's actor does. */
  take(message: Message, world: StoreWorld): Acceptance {
    const { store } = world.session;
    const isSentAtOnce = message.qos === 1 && this.isHere && this.#waiting.size === 0;
    const stored = store.keep(this.id, message, isSentAtOnce);
    message.acceptedWhen(stored);
    if (isSentAtOnce) this.#send(message, world);
    else {
      this.#waiting.set(message.brokerCounter, message);
      stored.whenAccepted(world.whileAlive(() => this.#pump(world)));
    }
    return stored;
  }

  /** The device acknowledges something. Returns whether there was anything to do. */
  handle(index: number, world: StoreWorld): boolean {
    const entry = [...this.#window.values()].filter(({ stage }) => stage !== "received")[index];
    if (entry === undefined || !this.isHere) return false;
    const { store, broker } = world.session;
    const { brokerCounter, packetId } = entry;
    if (entry.qos === 2 && entry.stage === "sent") {
      entry.stage = "received"; // PUBREC
      const released = world.whileAlive(() => {
        entry.stage = "released"; // PUBREL
      });
      store.release(this.id, broker.id, brokerCounter, packetId).then(released);
      return true;
    }
    this.#unreleased.delete(packetId);
    this.#window.delete(brokerCounter);
    void store.settle(this.id, broker.id, brokerCounter, packetId);
    return true;
  }

  comeOrGo(world: StoreWorld): void {
    this.isHere = !this.isHere;
    if (this.isHere) this.#pump(world);
  }

  /** The gateway is back: what it has on its way to this device is sent again. */
  async back({ store, broker }: Session, world: StoreWorld): Promise<void> {
    const outstanding = await store.outstanding(this.id);
    this.#window.clear();
    this.#waiting = new Map();
    let last = 0;
    for (const { key, entry, packetId } of outstanding) {
      const brokerCounter = Number(key);
      if (!(entry instanceof Message)) {
        this.#window.set(brokerCounter, { brokerCounter, packetId: entry.messageId, qos: 2, stage: "released" });
        continue;
      }
      if (keyOf(entry.brokerId, entry.brokerCounter, broker.id) !== key) this.#fault(`${this.id}: key ${key}`);
      if (packetId === undefined) {
        if (brokerCounter < last) this.#fault(`${this.id} gets ${brokerCounter} after ${last}`);
        last = brokerCounter;
        this.#waiting.set(brokerCounter, entry);
      } else this.#send(entry, world);
    }
    this.#pump(world);
  }

  /** Checks that it has got a message that was accepted. */
  verify(text: string, qos: 1 | 2): void {
    const got = this.#got.find((each) => each.text === text);
    if (got === undefined) this.#fault(`${this.id} never got "${text}", which was accepted`);
    else if (got.qos !== Math.min(qos, this.qos)) this.#fault(`${this.id} got "${text}" at QoS ${got.qos}`);
  }

  /** Checks that nothing of QoS 2 came twice. */
  verifyOnce(): void {
    const seen = new Set<string>();
    for (const { text, qos } of this.#got) {
      if (qos === 2 && seen.has(text)) this.#fault(`${this.id} got "${text}" twice at QoS 2`);
      seen.add(text);
    }
  }

  #pump(world: StoreWorld): void {
    if (!this.isHere) return;
    for (const message of this.#waiting.values()) {
      if (message.qos === 2 && message.record?.accepted === false) return;
      this.#waiting.delete(message.brokerCounter);
      this.#send(message, world);
    }
  }

  #send(message: Message, world: StoreWorld): void {
    const { brokerCounter, packetId } = message;
    const qos = message.qos as 1 | 2;
    this.#window.set(brokerCounter, { brokerCounter, packetId, qos, stage: "sent" });
    void world.session.store.sent(this.id, message, packetId);
    if (qos === 2 && this.#unreleased.has(packetId)) return; // [MQTT-4.3.3-2]
    if (qos === 2) this.#unreleased.add(packetId);
    const text = message.payload.toString();
    if (!saysTheSame(text, message.properties)) this.#fault(`${this.id} got "${text}" with other properties`);
    this.#got.push({ text, qos });
  }
}
