/** Every stable error code. `switch (error.code)` narrows on it. */
export type WaypostErrorCode =
  // configuration
  | "ERR_CONFIG_UNREADABLE"
  | "ERR_CONFIG_INVALID"
  | "ERR_USAGE"
  | "ERR_LISTEN"
  // peer: what came over the wire, or what a client asked for
  | "ERR_MALFORMED_PACKET"
  | "ERR_PROTOCOL_VIOLATION"
  | "ERR_PACKET_TOO_LARGE"
  | "ERR_TOPIC_INVALID"
  | "ERR_CONNECT_TIMEOUT"
  | "ERR_KEEP_ALIVE_TIMEOUT"
  | "ERR_CONNECT_REFUSED"
  | "ERR_NOT_AUTHORIZED"
  | "ERR_LIMIT_EXCEEDED"
  | "ERR_STREAM"
  | "ERR_UPSTREAM"
  | "ERR_NOT_FOUND"
  | "ERR_CONFLICT"
  // store
  | "ERR_STORE"
  | "ERR_STORE_IN_USE"
  | "ERR_NO_SUCH_PACKET"
  // invariant: a defect of Waypost
  | "ERR_DEVICE_CRASHED"
  | "ERR_CLOSED"
  | "ERR_INVARIANT";

/** Who is at fault. */
export type Fault = "configuration" | "peer" | "store" | "invariant";

const faultOf: Record<WaypostErrorCode, Fault> = {
  ERR_CONFIG_UNREADABLE: "configuration",
  ERR_CONFIG_INVALID: "configuration",
  ERR_USAGE: "configuration",
  ERR_LISTEN: "configuration",
  ERR_MALFORMED_PACKET: "peer",
  ERR_PROTOCOL_VIOLATION: "peer",
  ERR_PACKET_TOO_LARGE: "peer",
  ERR_TOPIC_INVALID: "peer",
  ERR_CONNECT_TIMEOUT: "peer",
  ERR_KEEP_ALIVE_TIMEOUT: "peer",
  ERR_CONNECT_REFUSED: "peer",
  ERR_NOT_AUTHORIZED: "peer",
  ERR_LIMIT_EXCEEDED: "peer",
  ERR_STREAM: "peer",
  ERR_UPSTREAM: "peer",
  ERR_NOT_FOUND: "peer",
  ERR_CONFLICT: "peer",
  ERR_STORE: "store",
  ERR_STORE_IN_USE: "store",
  ERR_NO_SUCH_PACKET: "store",
  ERR_DEVICE_CRASHED: "invariant",
  ERR_CLOSED: "invariant",
  ERR_INVARIANT: "invariant",
};

/** The one error type of Waypost: a stable `code`, and the `fault` that says who can mend it. */
export class WaypostError extends Error {
  override readonly name = "WaypostError";
  readonly code: WaypostErrorCode;
  /** What an MQTT 5 peer is told, where that is more than follows from `code`. */
  readonly reasonCode: number | undefined;

  constructor(code: WaypostErrorCode, message: string, options?: ErrorOptions & { reasonCode?: number }) {
    super(message, options);
    this.code = code;
    this.reasonCode = options?.reasonCode;
  }

  get fault(): Fault {
    return faultOf[this.code];
  }
}
