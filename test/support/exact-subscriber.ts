import { RawClient } from "./raw-client.ts";

/** A device with a persistent session that acknowledges all it gets, and tells repetitions by their packet id [MQTT-4.3.3-2]. */
export class ExactSubscriber {
  readonly id: string;
  readonly qos: 1 | 2;
  /** Numbers of the messages that it has got, by topic, in their order. */
  readonly got = new Map<string, number[]>();
  readonly #unreleased = new Set<number>();
  #client: RawClient | null = null;
  #watching: { topic: string; n: number; seen: () => void }[] = [];

  constructor(id: string, qos: 1 | 2) {
    this.id = id;
    this.qos = qos;
  }

  /** Makes its session and subscribes. */
  async subscribe(port: number): Promise<void> {
    const client = await RawClient.connected(port, { clientId: this.id, clean: false });
    await client.subscribe({ "exact/#": this.qos });
    await client.disconnect();
  }

  /** Takes messages until the connection is lost. `took` is called for each packet. */
  async run(port: number, took: () => void): Promise<void> {
    const client = await RawClient.connected(port, { clientId: this.id, clean: false }).catch(() => null);
    if (client === null) return;
    if (!client.sessionPresent) throw new Error(`${this.id}: the session is gone`);
    this.#client = client;
    for (;;) {
      const packet = await client.next().catch(() => null);
      if (packet === null) return;
      if (packet.cmd === "publish") this.#take(client, packet);
      else if (packet.cmd === "pubrel") {
        this.#unreleased.delete(packet.messageId as number);
        client.send({ cmd: "pubcomp", messageId: packet.messageId as number });
      }
      took();
    }
  }

  /** Resolves when this message is there. */
  has(topic: string, n: number): Promise<void> {
    return new Promise((seen) => {
      if (this.got.get(topic)?.includes(n)) seen();
      else this.#watching.push({ topic, n, seen });
    });
  }

  leave(): void {
    this.#client?.socket.destroy();
  }

  /** What it lacks of the accepted messages of a publisher, and what it has twice or out of order although it must not. */
  faults({
    id,
    topic,
    qos,
    accepted,
  }: {
    id: string;
    topic: string;
    qos: 1 | 2;
    accepted: readonly number[];
  }): string[] {
    const got = this.got.get(topic) ?? [];
    const known = new Set(got);
    const faults = accepted.filter((n) => !known.has(n)).map((n) => `${this.id} never got ${id} ${n}`);
    let last = 0;
    const seen = new Set<number>();
    for (const n of got) {
      if (seen.has(n)) {
        if (Math.min(qos, this.qos) === 2) faults.push(`${this.id} got ${id} ${n} twice at QoS 2`);
        continue;
      }
      if (n < last) faults.push(`${this.id} got ${id} ${n} for the first time after ${last}`);
      seen.add(n);
      last = n;
    }
    return faults;
  }

  #take(client: RawClient, packet: { topic: string; payload: string | Buffer; qos: number; messageId?: number }): void {
    const messageId = packet.messageId as number;
    const isRepetition = packet.qos === 2 && this.#unreleased.has(messageId);
    if (packet.qos === 2) this.#unreleased.add(messageId);
    if (!isRepetition) this.#note(packet.topic, Number(packet.payload));
    client.send({ cmd: packet.qos === 2 ? "pubrec" : "puback", messageId });
  }

  #note(topic: string, n: number): void {
    const got = this.got.get(topic);
    if (got === undefined) this.got.set(topic, [n]);
    else got.push(n);
    this.#watching = this.#watching.filter((watched) => {
      if (watched.topic !== topic || watched.n !== n) return true;
      watched.seen();
      return false;
    });
  }
}
