import {
  type EntryType,
  EXPORT_FORMAT,
  type ExportEnd,
  type ExportHead,
  entryOfMessage,
  entryOfState,
  entryTypes,
} from "./export-entry.ts";
import type { StoredState } from "./read-store.ts";

/** The store as lines of JSON, each with its line feed: a head, one entry a line, and an end that counts them. */
export function* exportStore(state: StoredState, waypost: string, now: number): Generator<string> {
  const counts = Object.fromEntries(entryTypes.map((type) => [type, 0])) as Record<EntryType, number>;
  const exportedAt = new Date(now).toISOString();
  const head: ExportHead = { type: "store", format: EXPORT_FORMAT, waypost, exportedAt, latest: state.latest };
  yield lineOf(head);
  for (const type of entryTypes) {
    if (type === "message") continue;
    for (const { document } of state.state.values()) {
      if (document.k !== (type === "dead-letter" ? "dead" : type)) continue;
      counts[type]++;
      yield lineOf(entryOfState(document));
    }
  }
  for (const message of state.messages) {
    counts.message++;
    yield lineOf(entryOfMessage(message));
  }
  const end: ExportEnd = { type: "end", counts };
  yield lineOf(end);
}

function lineOf(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
