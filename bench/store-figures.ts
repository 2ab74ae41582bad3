import { setTimeout as delay } from "node:timers/promises";
import { MqttClient } from "./mqtt-client.ts";
import { ratio } from "./ratio.ts";
import type { Sample } from "./sample.ts";

const prefix = "$SYS/broker/store/";
const names: Record<string, string> = {
  "bytes/written": "storeBytesWritten",
  "messages/written": "storeMessagesWritten",
  "messages/stored": "storeMessagesStored",
  commits: "storeCommits",
};
const retainedWithinMs = 500;
/** A gateway says it anew every 10 s. */
const freshWithinMs = 11_000;

/**
 * What a broker says about its store on $SYS, from the next time that it does; nothing where it says nothing.
 * @param patient - whether to wait for that; else what was said last will do, and may be older than the load
 */
export async function storeFigures(port: number, patient: boolean): Promise<Sample> {
  const figures: Record<string, number> = {};
  const client = await MqttClient.connect(port);
  const fresh = new Promise<void>((resolve) => {
    client.subscribe(`${prefix}#`, ({ topic, payload, retain }) => {
      const name = names[topic.slice(prefix.length)];
      if (name !== undefined) figures[name] = Number(payload.toString());
      // All are published in one turn: the rest has arrived shortly after the first.
      if (!retain) setTimeout(resolve, 50);
    });
  });
  await delay(retainedWithinMs);
  if (patient && Object.keys(figures).length > 0) await Promise.race([fresh, delay(freshWithinMs)]);
  await client.close();
  return withPerMessage(figures);
}

/** Adds bytes per message and messages per commit, where there is something to divide by. */
export function withPerMessage(figures: Sample): Sample {
  if (Object.keys(figures).length === 0) return {};
  return {
    ...figures,
    storeBytesPerMessage: ratio(figures.storeBytesWritten, figures.storeMessagesWritten),
    storeMessagesPerCommit: ratio(figures.storeMessagesWritten, figures.storeCommits),
  };
}
