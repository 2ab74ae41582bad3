import { reasonCode } from "../protocol/reason-code.ts";
import { isForeignReply } from "../topic/reply-topic.ts";
import { isShared, queueOf, sharedFilter } from "../topic/shared-filter.ts";
import { filterMistake, hasWildcard, levelCount } from "../topic/topic-rules.ts";
import type { DeviceSettings } from "./device-settings.ts";

/** Why this gateway does not take a filter that is well formed from this client; `hasQueue` says what queues there are. */
export function filterRefusal(
  filter: string,
  { id, version }: { readonly id: string; readonly version: number },
  settings: DeviceSettings,
  hasQueue: (name: string) => boolean,
): [code: number, why: string] | null {
  const { topicBytesMax, topicLevelsMax } = settings;
  if (Buffer.byteLength(filter) > topicBytesMax) {
    return [reasonCode.topicFilterInvalid, `the filter is over ${topicBytesMax} bytes`];
  }
  if (levelCount(filter) > topicLevelsMax) {
    return [reasonCode.topicFilterInvalid, `the filter has over ${topicLevelsMax} levels`];
  }
  const wanted = (isShared(filter) ? sharedFilter(filter)?.filter : undefined) ?? filter;
  if (wanted.startsWith("$group/")) {
    return [
      reasonCode.topicFilterInvalid,
      "messages to a group come without a subscription: groups say who its members are",
    ];
  }
  const queue = queueOf(wanted);
  if (queue !== undefined && (wanted !== filter || !hasQueue(queue))) {
    return [
      reasonCode.topicFilterInvalid,
      "there is no such queue: $queue/<name> consumes from one of the configuration, or one that was created",
    ];
  }
  if (wanted.startsWith("$answer/")) {
    return [reasonCode.notAuthorized, "answers below $answer/ are for the gateway, which sends them on"];
  }
  if (isForeignReply(wanted, id)) {
    return [reasonCode.notAuthorized, "answers below $reply/ are for the client that asked"];
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
