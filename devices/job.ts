/** What a worker got from a queue. Without effect once its connection has ended: then the queue has taken it back. */
export type Job = {
  /** Whether it can still be settled or rejected. */
  readonly isOpen: boolean;
  /** Sends PUBACK. */
  settle(): void;
  /** Sends PUBACK with this reason code (0x80 or higher); for a device that speaks MQTT 5. */
  reject(reasonCode: number): void;
};
