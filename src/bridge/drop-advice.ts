import type { DropReason } from "../device/counters.ts";

/** What is to be done about messages that do not reach an upstream. */
export function dropAdvice(name: string): Partial<Record<DropReason, string>> {
  const rules = `bridges.${name}.topics`;
  const full = `what waits for the bridge ${name} is as much as it may be: see why with waypost bridges, or raise`;
  return {
    "mailbox-full": `${full} messagesMax or bytesMax in ${rules}`,
    "mailbox-removed": `${full} messagesMax or bytesMax in ${rules}; the oldest messages are removed`,
    "low-priority-removed": `${full} messagesMax or bytesMax in ${rules}; messages of low priority are removed`,
    expired: `messages waited too long for the bridge ${name} and expired: raise timeToLiveSeconds in ${rules}, or the expiry that their publisher gives them`,
    "too-large": `messages are over the maximum packet size of the upstream of the bridge ${name}`,
    "slow-reader": `messages at QoS 0 come faster than the upstream of the bridge ${name} takes them, or than bytesPerSecondMax lets them: set qosMin: 1 to keep them`,
    rejected: `the upstream of the bridge ${name} refuses messages: waypost dead-letters list --destination ${name} has them`,
  };
}
