import { keyOf } from "./message-key.ts";
import { type Recovered, type RecoveredMessage, recover } from "./recover.ts";
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
  const ids = new Set<string>();
  for (const { document } of state.values()) {
    if (document.k === "session" || document.k === "subscription") ids.add(document.i);
  }
  return ids;
}

/** Without the receivers whose session was discarded, and those that have a message already and owe only its PUBCOMP. */
function messagesThatCount({ messages, state }: Recovered): RecoveredMessage[] {
  const devices = devicesOf({ state });
  for (const { document, receivers } of messages) {
    const { b, n } = document;
    const key = b === undefined ? n : keyOf(b, n, "");
    for (const id of [...receivers.keys()]) {
      if (!devices.has(id) || state.has(stateKey("released", id, key))) receivers.delete(id);
    }
  }
  return messages.filter(({ receivers }) => receivers.size > 0);
}
