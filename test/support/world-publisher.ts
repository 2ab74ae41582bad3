import type { StoreWorld } from "./store-world.ts";

type Stage = "published" | "received" | "releasing";

interface OnItsWay {
  text: string;
  qos: 1 | 2;
  packetId: number;
  stage: Stage;
}

const IN_FLIGHT_MAX = 12;

/** A device that publishes at QoS 1 and 2, and sends again what was not acknowledged. */
export class WorldPublisher {
  readonly id: string;
  /** Texts of the messages for which it was told that the gateway has them, with their QoS. */
  readonly accepted = new Map<string, 1 | 2>();
  readonly #world: StoreWorld;
  readonly #onTheirWay = new Map<number, OnItsWay>();
  #count = 0;

  constructor(id: string, world: StoreWorld) {
    this.id = id;
    this.#world = world;
  }

  get idle(): boolean {
    return this.#onTheirWay.size === 0;
  }

  publish(qos: 1 | 2): void {
    if (this.#onTheirWay.size >= IN_FLIGHT_MAX) return;
    let packetId = 1; // ids are used again as soon as they can be
    while (this.#onTheirWay.has(packetId)) packetId++;
    const entry: OnItsWay = { text: `${this.id} ${++this.#count}`, qos, packetId, stage: "published" };
    this.#onTheirWay.set(packetId, entry);
    if (qos === 1) this.#publish(entry, () => this.#acknowledged(entry));
    else this.#publishOnce(entry);
  }

  /** Sends PUBREL for the oldest message that the gateway has received. */
  release(): void {
    const entry = [...this.#onTheirWay.values()].find(({ stage }) => stage === "received");
    if (entry === undefined) return;
    entry.stage = "releasing";
    const { store } = this.#world.session;
    const complete = this.#world.whileAlive(() => {
      this.#onTheirWay.delete(entry.packetId);
    });
    store.incomingDelPacket(this, { messageId: entry.packetId }).then(complete, complete);
  }

  /** Connected again: everything is sent again, in its order. */
  back(): void {
    const { store } = this.#world.session;
    for (const entry of this.#onTheirWay.values()) {
      if (entry.stage === "releasing") entry.stage = "received";
      if (entry.stage === "received") continue;
      if (entry.qos === 1) this.#publish(entry, () => this.#acknowledged(entry));
      else {
        store.incomingGetPacket(this, { messageId: entry.packetId }).then(
          this.#world.whileAlive(() => this.#received(entry)),
          this.#world.whileAlive(() => this.#publishOnce(entry)),
        );
      }
    }
  }

  #publish({ text, qos }: OnItsWay, done: () => void): void {
    this.#world.route({ topic: "t", payload: Buffer.from(text), qos, clientId: this.id }, done);
  }

  #publishOnce(entry: OnItsWay): void {
    let outstanding = 2;
    const oneDone = this.#world.whileAlive(() => {
      if (--outstanding === 0) this.#received(entry);
    });
    const { text, packetId: messageId } = entry;
    const common = { cmd: "publish" as const, brokerId: "", brokerCounter: 0, retain: false, dup: false };
    const receipt = { ...common, topic: "t", payload: Buffer.from(text), qos: 2 as const, messageId };
    const noted = this.#world.session.store.incomingStorePacket(this, receipt);
    this.#publish(entry, oneDone);
    noted.then(oneDone);
  }

  #acknowledged({ text, packetId }: OnItsWay): void {
    this.accepted.set(text, 1);
    this.#onTheirWay.delete(packetId);
  }

  #received(entry: OnItsWay): void {
    entry.stage = "received";
    this.accepted.set(entry.text, 2);
  }
}
