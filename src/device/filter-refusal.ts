import { reasonCode } from "../protocol/reason-code.ts";
import { isShared, sharedFilter } from "../topic/shared-filter.ts";
import { filterMistake, hasWildcard, levelCount } from "../topic/topic-rules.ts";
import type { DeviceSettings } from "./device-settings.ts";

/** Namespaces whose delivery models are not built yet: subscribing to the literal filter would look like success. */
const RESERVED = ["$queue/", "$group/"];

/** Why this gateway does not take a filter that is well formed. */
export function filterRefusal(
  filter: string,
  version: number,
  settings: DeviceSettings,
): [code: number, why: string] | null {
  const { topicBytesMax, topicLevelsMax } = settings;
  if (Buffer.byteLength(filter) > topicBytesMax) {
    return [reasonCode.topicFilterInvalid, `the filter is over ${topicBytesMax} bytes`];
  }
  if (levelCount(filter) > topicLevelsMax) {
    return [reasonCode.topicFilterInvalid, `the filter has over ${topicLevelsMax} levels`];
  }
  if (RESERVED.some((prefix) => filter.startsWith(prefix))) {
    return [reasonCode.implementationSpecificError, "queues and groups are not built yet"];
  }
  if (isShared(filter)) {
    if (!settings.sharedSubscriptions) {
      return [reasonCode.sharedSubscriptionsNotSupported, "this gateway has no shared subscriptions"];
    }
    const parts = sharedFilter(filter);
    if (parts === undefined || filterMistake(parts.filter) !== undefined) {
      return [
        reasonCode.topicFilterInvalid,
        "a shared subscription is $share/<group>/<filter>, the group without wildcards",
      ];
    }
    if (isShared(parts.filter)) return [reasonCode.topicFilterInvalid, "a shared subscription of a shared one"];
  }
  if (version === 5 && !settings.wildcardSubscriptions && hasWildcard(filter)) {
    return [reasonCode.wildcardSubscriptionsNotSupported, "this gateway has no subscriptions with wildcards"];
  }
  return null;
}
