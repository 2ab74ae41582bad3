import { keyOf } from "./message-key.ts";
import { type Recovered, recover } from "./recover.ts";
import type { RecoveredMessage } from "./recovered-message.ts";
import { SegmentSnapshot } from "./segment-snapshot.ts";
import { stateKey } from "./state-key.ts";

/** A store on the disk as a gateway would find it, read without disturbing one that works with it. */
export interface StoredState extends Recovered {
  directory: string;
}

/** @throws ERR_STORE where the directory or its format cannot be read */
export async function readStore(directory: string): Promise<StoredState> {
  const snapshot = await SegmentSnapshot.take(directory);
  try {
    const recovered = await recover(snapshot);
    return { ...recovered, directory, messages: messagesThatCount(recovered) };
  } finally {
    await snapshot.close();
  }
}

/** Ids of the devices that have a session, or a part of one. */
export function devicesOf({ state }: Pick<Recovered, "state">): Set<string> {
  return new Set(beganAfter(state).keys());
}

/** For each client with a session, the number of the latest message when that began. */
function beganAfter(state: Recovered["state"]): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const { document } of state.values()) {
    if (document.k === "session") numbers.set(document.i, document.n ?? 0);
    else if (document.k === "subscription" && !numbers.has(document.i)) numbers.set(document.i, 0);
  }
  return numbers;
}

/** Without the receivers whose session was discarded, or began anew since, and those that have a message already and owe only its PUBCOMP. */
function messagesThatCount({ messages, state }: Recovered): RecoveredMessage[] {
  const began = beganAfter(state);
  for (const { document, receivers } of messages) {
    const { b, n } = document;
    const key = keyOf(b ?? "", n, "");
    for (const id of [...receivers.keys()]) {
      const after = began.get(id);
      const isFor = after !== undefined && (b !== undefined || n > after);
      if (!isFor || state.has(stateKey("released", id, key))) receivers.delete(id);
    }
  }
  return messages.filter(({ receivers }) => receivers.size > 0);
}
