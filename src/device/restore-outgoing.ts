import type { QoS } from "../protocol/packet-type.ts";
import { Message } from "../store/message.ts";
import type { MessageKey } from "../store/message-key.ts";
import type { Outstanding } from "../store/outgoing-line.ts";
import { awaiting, type InFlightWindow } from "./in-flight-window.ts";
import type { OutboundBacklog } from "./outbound-backlog.ts";
import type { Session } from "./session.ts";

/** Where the messages of a device go that the store had. */
export interface RestoredInto {
  readonly window: InFlightWindow;
  readonly backlog: OutboundBacklog;
  readonly session: Session;
  /** Id of this gateway. */
  readonly home: string;
}

/** Puts what the store has on its way to a device back to its place; what came meanwhile stays behind it. */
export function restoreOutgoing(
  outgoing: readonly Outstanding[],
  { window, backlog, session, home }: RestoredInto,
): void {
  const newer = backlog.drain();
  const restored = new Set<string>();
  for (const { key, entry, packetId } of outgoing) {
    if (!(entry instanceof Message)) {
      const [brokerId, sequence] = identityOfKey(key, home);
      window.restoreReleased(entry.messageId, brokerId, sequence);
      continue;
    }
    if (newer.length > 0) restored.add(identityOf(entry));
    // A packet id may be taken, after messages that are far apart: one of QoS 2 was then not sent yet.
    if (packetId === undefined || window.find(packetId) !== undefined) {
      // While the device was not here, aedes kept the message at the QoS of its publisher [MQTT-3.8.4-6]; but not what
      // came by no subscription.
      const isBySubscription = entry.properties?.subscriptionIdentifier === undefined;
      const granted = isBySubscription ? session.grantFor(entry.topic)?.qos || entry.qos : entry.qos;
      const message = entry.at(granted as QoS);
      message.keep();
      backlog.restore(message);
      continue;
    }
    entry.keep();
    window.restore(entry, packetId, entry.qos === 2 ? awaiting.pubrec : awaiting.puback);
  }
  for (const message of newer) if (!restored.has(identityOf(message))) backlog.restore(message);
}

function identityOf({ brokerId, brokerCounter }: { brokerId: string; brokerCounter: number }): string {
  return `${brokerId} ${brokerCounter}`;
}

function identityOfKey(key: MessageKey, home: string): [brokerId: string, sequence: number] {
  if (typeof key === "number") return [home, key];
  const at = key.lastIndexOf("\n");
  return [key.slice(0, at), Number(key.slice(at + 1))];
}
