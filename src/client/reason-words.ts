/** Failures of MQTT 5 (2.4) in words for whoever sits at the terminal. */
const words: ReadonlyMap<number, string> = new Map([
  [0x80, "an error that it does not name"],
  [0x81, "it could not read what this client sent"],
  [0x82, "protocol error"],
  [0x83, "a rule of its own forbids it"],
  [0x84, "it does not speak this MQTT version"],
  [0x85, "the client id is not valid"],
  [0x86, "wrong user name or password"],
  [0x87, "not authorized"],
  [0x88, "it is not available"],
  [0x89, "it is busy"],
  [0x8a, "this client is banned"],
  [0x8b, "it is shutting down"],
  [0x8c, "it does not know the authentication method"],
  [0x8d, "it heard nothing for too long"],
  [0x8e, "another client came with the same client id"],
  [0x8f, "the topic filter is not valid here"],
  [0x90, "the topic is not valid here"],
  [0x91, "the packet identifier is in use"],
  [0x93, "too many messages were unacknowledged at once"],
  [0x94, "the topic alias is not valid"],
  [0x95, "the packet is too large for it"],
  [0x96, "messages come too fast"],
  [0x97, "a quota is exceeded"],
  [0x98, "an administrator ended it"],
  [0x99, "the payload is not in the format that it claims"],
  [0x9a, "it keeps no retained messages"],
  [0x9b, "it does not support this QoS"],
  [0x9c, "use another server"],
  [0x9d, "the server has moved"],
  [0x9e, "it has no shared subscriptions"],
  [0x9f, "connections come too fast"],
  [0xa0, "the longest time of a connection is over"],
  [0xa1, "it has no subscription identifiers"],
  [0xa2, "it has no wildcard subscriptions"],
]);

/** What a packet of MQTT 5 may say besides its reason code. */
export interface ReasonDetails {
  readonly reasonString?: string;
  readonly serverReference?: string;
}

/** `a quota is exceeded (0x97): the mailbox of lamp-1 is full`; `details` are the properties of the packet. */
export function reasonWords(code: number, { reasonString, serverReference }: ReasonDetails = {}): string {
  const hex = `0x${code.toString(16).padStart(2, "0")}`;
  const known = words.get(code);
  const text = known === undefined ? `reason code ${hex}` : `${known} (${hex})`;
  const other = serverReference === undefined ? "" : `, at ${serverReference}`;
  return `${text}${other}${reasonString === undefined ? "" : `: ${reasonString}`}`;
}
