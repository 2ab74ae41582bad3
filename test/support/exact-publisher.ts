import { RawClient } from "./raw-client.ts";

interface OnItsWay {
  n: number;
  packetId: number;
  isReceived: boolean;
}

/**
 * A device with a persistent session that publishes numbered messages at one QoS, many in flight, and after each loss of
 * its connection sends again what is not acknowledged, in its order, as MQTT wants it [MQTT-4.4.0-1].
 */
export class ExactPublisher {
  readonly id: string;
  readonly qos: 1 | 2;
  /** Numbers of the messages that the gateway has acknowledged by PUBACK or PUBREC. */
  readonly accepted: number[] = [];
  readonly #inFlightMax: number;
  readonly #onTheirWay = new Map<number, OnItsWay>();
  #count = 0;
  #isEnding = false;

  constructor(id: string, qos: 1 | 2, inFlightMax: number) {
    this.id = id;
    this.qos = qos;
    this.#inFlightMax = inFlightMax;
  }

  get topic(): string {
    return `exact/${this.id}`;
  }

  /** Number of the latest message. */
  get count(): number {
    return this.#count;
  }

  /** Nothing more is published; what is in flight comes to its end. */
  end(): void {
    this.#isEnding = true;
  }

  /** Publishes until the connection is lost, or to the end. `acknowledged` is called for each message. */
  async run(port: number, acknowledged: () => void): Promise<void> {
    const client = await RawClient.connected(port, { clientId: this.id, clean: false }).catch(() => null);
    if (client === null) return;
    for (const { isReceived, packetId, n } of [...this.#onTheirWay.values()].sort((a, b) => a.n - b.n)) {
      if (isReceived) client.send({ cmd: "pubrel", messageId: packetId });
      else this.#send(client, n, packetId, true);
    }
    this.#publish(client);
    while (!(this.#isEnding && this.#onTheirWay.size === 0)) {
      const packet = await client.next().catch(() => null);
      if (packet === null) return;
      this.#handle(client, packet.cmd, packet.messageId as number, acknowledged);
      this.#publish(client);
    }
    await client.disconnect();
  }

  #handle(client: RawClient, cmd: string, packetId: number, acknowledged: () => void): void {
    const entry = this.#onTheirWay.get(packetId);
    if (cmd === "pubrec") client.send({ cmd: "pubrel", messageId: packetId });
    if (entry === undefined) return;
    if (cmd === "pubcomp" || cmd === "puback") this.#onTheirWay.delete(packetId);
    if (cmd === "puback" || (cmd === "pubrec" && !entry.isReceived)) {
      this.accepted.push(entry.n);
      acknowledged();
    }
    if (cmd === "pubrec") entry.isReceived = true;
  }

  #publish(client: RawClient): void {
    while (!this.#isEnding && this.#onTheirWay.size < this.#inFlightMax) {
      const n = ++this.#count;
      const packetId = (n % 65535) + 1;
      this.#onTheirWay.set(packetId, { n, packetId, isReceived: false });
      this.#send(client, n, packetId, false);
    }
  }

  #send(client: RawClient, n: number, messageId: number, dup: boolean): void {
    client.publish(this.topic, `${n}`, { qos: this.qos, messageId, dup });
  }
}
