/**
 * Keeps a publisher within the gateway's receive maximum [MQTT-3.3.4-7], which MQTT.js does not. What has no room waits
 * here, in its order, also over reconnections.
 */
export class SendWindow {
  /** How many messages may be unacknowledged. */
  max = Number.POSITIVE_INFINITY;
  readonly #isOpen: () => boolean;
  readonly #waiting: (() => void)[] = [];
  #inFlight = 0;

  /** `isOpen` says whether the device is connected. */
  constructor(isOpen: () => boolean) {
    this.#isOpen = isOpen;
  }

  /** Calls `publish` when there is room; it is in flight until `settled`. */
  send(publish: () => void): void {
    this.#waiting.push(publish);
    this.fill();
  }

  settled(): void {
    this.#inFlight--;
    this.fill();
  }

  fill(): void {
    while (this.#isOpen() && this.#inFlight < this.max) {
      const publish = this.#waiting.shift();
      if (publish === undefined) return;
      this.#inFlight++;
      publish();
    }
  }
}
