import type { Lane } from "./lane.ts";
import type { Storing } from "./storing.ts";

/** Room beside the backlog, for what comes live; and for all that may be on its way where there is none. */
const liveMessagesMax = 100_000;

/** What a broker is asked to have for a lane whose messages go to the upstream at this port. */
export function bridgeStoring(
  { load, filters, inFlightMax }: Extract<Lane, { kind: "bridge-drain" | "bridge-live" }>,
  upstreamPort: number,
): Storing {
  return {
    mailboxMessagesMax: (load.messagesMax ?? 0) + liveMessagesMax,
    bridge: { upstreamPort, filters, inFlightMax },
  };
}
