import { WaypostError, type WaypostErrorCode } from "../waypost-error.ts";

/** Reason codes (MQTT 5, 2.4), named for what they say in the packets that this gateway sends. */
export const reasonCode = {
  success: 0x00,
  disconnectWithWill: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  continueAuthentication: 0x18,
  reAuthenticate: 0x19,
  unspecifiedError: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecificError: 0x83,
  unsupportedProtocolVersion: 0x84,
  clientIdentifierNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  badAuthenticationMethod: 0x8c,
  serverShuttingDown: 0x8b,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdentifierInUse: 0x91,
  packetIdentifierNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  payloadFormatInvalid: 0x99,
  retainNotSupported: 0x9a,
  qosNotSupported: 0x9b,
  sharedSubscriptionsNotSupported: 0x9e,
  subscriptionIdentifiersNotSupported: 0xa1,
  wildcardSubscriptionsNotSupported: 0xa2,
} as const;

/** From here on a reason code says that something failed. */
const FAILURE = 0x80;

export function isFailure(code: number): boolean {
  return code >= FAILURE;
}

const codeOf: Partial<Record<WaypostErrorCode, number>> = {
  ERR_MALFORMED_PACKET: reasonCode.malformedPacket,
  ERR_PROTOCOL_VIOLATION: reasonCode.protocolError,
  ERR_PACKET_TOO_LARGE: reasonCode.packetTooLarge,
  ERR_TOPIC_INVALID: reasonCode.topicNameInvalid,
  ERR_CONNECT_REFUSED: reasonCode.notAuthorized,
  ERR_NOT_AUTHORIZED: reasonCode.notAuthorized,
  ERR_KEEP_ALIVE_TIMEOUT: reasonCode.keepAliveTimeout,
  ERR_LIMIT_EXCEEDED: reasonCode.quotaExceeded,
};

/** The reason code that tells a peer of this error: its own, or the one of its kind. */
export function reasonCodeOf(error: unknown): number {
  const own = (error as { reasonCode?: unknown } | null | undefined)?.reasonCode;
  // A hook may say anything; what is no failure would tell the peer that all is well.
  if (typeof own === "number" && isFailure(own) && own <= 0xff) return own;
  return (error instanceof WaypostError ? codeOf[error.code] : undefined) ?? reasonCode.unspecifiedError;
}

/** Like `reasonCodeOf`, for what a hook refused: where it gave no code, the client is not authorised. */
export function refusalCodeOf(error: unknown): number {
  const code = reasonCodeOf(error);
  return code === reasonCode.unspecifiedError ? reasonCode.notAuthorized : code;
}
