import type { MailboxLimits } from "../actor/mailbox.ts";
import type { Message } from "../store/message.ts";
import type { Admission } from "./admission.ts";
import type { DeviceSettings } from "./device-settings.ts";
import type { TopicClasses } from "./topic-classes.ts";

/** By what rules messages wait. */
export interface MailboxRules {
  readonly limits: MailboxLimits;
  readonly admission: Admission;
  /** How long a message waits; 0 for no limit. */
  timeToLiveSecondsOf(message: Message): number;
}

/** The rules of the mailboxes of devices and of shared subscriptions. Settings are read at each use. */
export function rulesOfDevices(settings: DeviceSettings, classes: TopicClasses, admission: Admission): MailboxRules {
  return {
    get limits() {
      return settings.mailboxes;
    },
    admission,
    timeToLiveSecondsOf({ kind }) {
      const ofClass = settings.classes.length === 0 ? undefined : classes.at(kind.index).timeToLiveSeconds;
      return ofClass ?? settings.mailboxes.timeToLiveSeconds;
    },
  };
}
