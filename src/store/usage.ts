/** A number of messages, and the bytes that they hold on to. */
export interface Amount {
  readonly messages: number;
  readonly bytes: number;
}

/** What a store keeps for receivers that must get it later: each message counted once, however many they are. */
export interface Usage extends Amount {
  /** Of these, the messages of one kind, by its index. */
  ofKind(index: number): Amount;
}
