/** Every way in which the fleet itself, not the gateway's delivery, can fail. */
export type FleetErrorCode =
  | "ERR_USAGE"
  | "ERR_GATEWAY_UNREACHABLE"
  | "ERR_GATEWAY_START"
  | "ERR_CLOUD_START"
  | "ERR_BRIDGE_SILENT"
  | "ERR_SUBSCRIPTION_REFUSED"
  | "ERR_NOT_OFFERED"
  | "ERR_TIMEOUT"
  | "ERR_MALFORMED"
  | "ERR_REPORT"
  | "ERR_INVARIANT";

/** The error of the simulated devices. They speak MQTT only, so they cannot use the gateway's own error type. */
export class FleetError extends Error {
  override readonly name = "FleetError";
  readonly code: FleetErrorCode;

  constructor(code: FleetErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
