/** Identifies a message within a store: its number, or for messages of another gateway a text. */
export type MessageKey = number | string;

/** `home` is the id of the gateway that nearly all messages come from. */
export function keyOf(brokerId: string, brokerCounter: number, home: string): MessageKey {
  return brokerId === home ? brokerCounter : `${brokerId}\n${brokerCounter}`;
}
