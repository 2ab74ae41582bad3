/** A way in which a client and the broker agree on who the client is, such as SCRAM-SHA-256. */
export interface AuthenticationMethod {
  /** The name that an MQTT 5 client gives as its Authentication Method. */
  readonly name: string;
  /** One exchange for each CONNECT or re-authentication. */
  begin(): AuthenticationExchange;
}

export interface AuthenticationExchange {
  /**
   * Takes what the client sent, maybe nothing, and gives what to answer.
   *
   * @throws WaypostError `ERR_NOT_AUTHORIZED` where the client is refused,
   *   `ERR_PROTOCOL_VIOLATION` where what came makes no sense
   */
  next(data: Buffer | undefined): Promise<AuthenticationStep>;
}

/** Either one more message for the client, or the name it has proved, with the last data to send it. */
export type AuthenticationStep =
  | { done: false; data: Buffer }
  | { done: true; username: string; data: Buffer | undefined };
