import type { IClientOptions } from "mqtt";

const PACKET_IDS = 65_535;

/** Packet ids for SUBSCRIBE and UNSUBSCRIBE, apart from those of messages in flight [MQTT-2.2.1-3]. */
export class PacketIds implements NonNullable<IClientOptions["messageIdProvider"]> {
  readonly #isTaken: (packetId: number) => boolean;
  #latest: number;

  /** Those behind `latest` are given out. */
  constructor(latest: number, isTaken: (packetId: number) => boolean) {
    this.#latest = latest;
    this.#isTaken = isTaken;
  }

  allocate(): number {
    do this.#latest = (this.#latest % PACKET_IDS) + 1;
    while (this.#isTaken(this.#latest));
    return this.#latest;
  }

  getLastAllocated(): number {
    return this.#latest;
  }

  register(): boolean {
    return true;
  }

  deallocate(): void {}

  clear(): void {}
}
