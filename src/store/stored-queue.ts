/** A queue as it outlives the gateway; what waits in it is the session `queueSessionId(name)`. */
export interface StoredQueue {
  name: string;
  /** A map, as JSON. */
  settings: string;
  /** It was created while the gateway ran, and is in no configuration. */
  isCreated: boolean;
  isPaused: boolean;
}
