import { WaypostError } from "../waypost-error.ts";
import { ConfigTree, type RawValue } from "./config-tree.ts";
import { mistakesOfIssues } from "./mistakes-of-issues.ts";
import { type QueueSettings, queueSettings } from "./queues-schema.ts";

/**
 * The settings of a queue that is made while the gateway runs, checked and completed by the defaults as those of the
 * configuration are. `settings` is what JSON holds.
 *
 * Errors: ERR_USAGE with every mistake, one a line, each with the path that the key has in a configuration.
 */
export function readQueueSettings(name: string, settings: unknown): QueueSettings {
  const parsed = queueSettings.safeParse(settings);
  if (parsed.success) return parsed.data;
  const path = ["queues", name];
  const tree = new ConfigTree();
  tree.set(path, settings as RawValue, { text: "", rank: 0 });
  const issues = parsed.error.issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] }));
  const mistakes = mistakesOfIssues(issues, tree);
  throw new WaypostError("ERR_USAGE", mistakes.map((each) => `${each.path} ${each.message}`).join("\n"));
}
