import type { Listener } from "../broker/router.ts";
import type { QoS } from "../protocol/packet-type.ts";
import { filterMatches } from "../topic/topic-rules.ts";

export interface SessionSubscription {
  qos: QoS;
  listener: Listener;
}

/** The MQTT state of a device: pure data (MQTT 3.1.1, 3.1.2.4). Outgoing messages are in its mailbox and window. */
export class Session {
  /** Ends with its connection [MQTT-3.1.2-6]. */
  readonly clean: boolean;
  readonly subscriptions = new Map<string, SessionSubscription>();
  /**
   * QoS 2 messages that came and were not released yet, by packet id [MQTT-4.3.3-2], each with the repetitions that wait
   * for the store to accept it: null once it has. Made when the first comes.
   */
  inbound: Map<number, ((error?: unknown) => void)[] | null> | null = null;

  constructor(clean: boolean) {
    this.clean = clean;
  }

  /** QoS 2 messages that came before a restart are still known, whatever DUP says of them then [MQTT-4.3.3-2]. */
  restoreInbound(packetIds: readonly number[]): void {
    if (packetIds.length === 0) return;
    this.inbound ??= new Map();
    for (const packetId of packetIds) if (!this.inbound.has(packetId)) this.inbound.set(packetId, null);
  }

  /** The highest QoS granted to any subscription that matches the topic, or undefined where none does. */
  grantedFor(topic: string): QoS | undefined {
    let granted: QoS | undefined;
    for (const [filter, { qos }] of this.subscriptions) {
      if (filterMatches(filter, topic)) granted = Math.max(qos, granted ?? 0) as QoS;
    }
    return granted;
  }
}
