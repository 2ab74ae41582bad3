import { WaypostError } from "../waypost-error.ts";
import { reasonCode } from "./reason-code.ts";

/** CONNACK return codes (MQTT 3.1.1, table 3.1). */
export const connackCode = {
  accepted: 0,
  unacceptableProtocolVersion: 1,
  identifierRejected: 2,
  serverUnavailable: 3,
  badUserNameOrPassword: 4,
  notAuthorized: 5,
} as const;

/** The same in MQTT 5 (table 3-1), by return code. */
const reasonCodes = [
  reasonCode.success,
  reasonCode.unsupportedProtocolVersion,
  reasonCode.clientIdentifierNotValid,
  reasonCode.serverUnavailable,
  reasonCode.badUserNameOrPassword,
  reasonCode.notAuthorized,
];

/** A CONNECT that is well formed but is answered with a CONNACK other than 0, and the close of the connection. */
export class ConnectRefused extends WaypostError {
  readonly returnCode: number;

  /** `reasonCode` where MQTT 5 has a better word than the one that follows from `returnCode`. */
  constructor(returnCode: number, why: string, options?: ErrorOptions & { reasonCode?: number }) {
    super("ERR_CONNECT_REFUSED", why, { reasonCode: reasonCodes[returnCode] as number, ...options });
    this.returnCode = returnCode;
  }
}
