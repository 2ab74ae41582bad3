import type { Store, StoreReport } from "../store/store.ts";
import type { Amount } from "../store/usage.ts";

/** What `$SYS` says of the store, by the topic below `$SYS/broker/`; nothing of what the store cannot say. */
export function storeFigures(
  store: Pick<Store, "usage" | "retainedUsage" | "report">,
): Record<string, number | string> {
  const { usage, retainedUsage } = store;
  const report = store.report();
  return {
    ...(usage === null ? {} : waiting(usage)),
    ...(retainedUsage === null ? {} : { "retained messages/count": retainedUsage.messages }),
    ...(report === null ? {} : onDisk(report)),
  };
}

function waiting({ messages, bytes }: Amount): Record<string, number> {
  // `count` is Mosquitto's name for what is called stored elsewhere in its `$SYS`.
  return { "store/messages/stored": messages, "store/messages/count": messages, "store/messages/bytes": bytes };
}

function onDisk(report: StoreReport): Record<string, number | string> {
  const { bytesWritten, messagesWritten, commits, bytesOnDisk, failing } = report;
  const figures = {
    "store/bytes/written": bytesWritten,
    "store/messages/written": messagesWritten,
    "store/commits": commits,
    "store/bytes/disk": bytesOnDisk,
    "store/failing": failing === null ? 0 : 1,
  };
  if (messagesWritten === 0) return figures;
  return { ...figures, "store/bytes/per-message": (bytesWritten / messagesWritten).toFixed(1) };
}
