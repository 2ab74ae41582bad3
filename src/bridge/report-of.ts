import type { Bridge } from "./bridge.ts";
import type { BridgeReport } from "./bridge-report.ts";

/** What is to be seen of a bridge; `now` in milliseconds since the Unix epoch. */
export function reportOf(bridge: Bridge, now: number): BridgeReport {
  const { connector, uplink, settings } = bridge;
  const { mailboxes } = uplink;
  const ageOf = (at: number | undefined) => (at === undefined ? null : Math.max(0, Math.floor(now / 1000) - at));
  const isoOf = (at: number) => new Date(at).toISOString();
  const { lastError } = connector;
  return {
    name: bridge.name,
    state: bridge.state,
    since: isoOf(bridge.since),
    paused: uplink.isPaused,
    draining: uplink.isDraining,
    url: bridge.isActive ? connector.url : null,
    clientId: bridge.clientId,
    protocol: bridge.agreed === null ? null : bridge.agreed.version === 5 ? "5" : "3.1.1",
    retryAt: connector.retryAt === 0 ? null : isoOf(connector.retryAt),
    lastError: lastError && { at: isoOf(lastError.at), message: lastError.message },
    messages: uplink.waiting,
    bytes: mailboxes.bytes,
    oldestSeconds: ageOf(mailboxes.first?.publishedAt),
    inFlight: uplink.inFlight,
    stranded: mailboxes.stranded,
    perSecond: { forwarded: bridge.forwarded.perSecond, received: bridge.received.perSecond },
    totals: {
      forwarded: bridge.forwarded.total,
      received: bridge.received.total,
      bytesSent: connector.bytesSent,
      resent: uplink.resent,
      connections: connector.connections,
    },
    drops: Object.fromEntries(bridge.drops),
    rules: settings.topics.map((rule, index) => {
      const line = mailboxes.ofRules[index]?.line;
      const { filter, direction, localPrefix, remotePrefix, outage, priority, messagesMax, bytesMax } = rule;
      return {
        ...{ filter, direction, localPrefix, remotePrefix, outage, priority },
        messages: line?.depth ?? 0,
        bytes: line?.bytes ?? 0,
        oldestSeconds: ageOf(line?.oldest?.publishedAt),
        limits: { messagesMax, bytesMax },
      };
    }),
  };
}
