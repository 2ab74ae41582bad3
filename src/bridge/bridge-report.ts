import type { MailboxControl } from "../device/mailbox-control.ts";

/**
 * `connected`: messages pass. `stalled`: connected, but the upstream acknowledges nothing. `waiting`: the next attempt to
 * connect is due at `retryAt`. `left-over`: not in the configuration any more, but not empty.
 */
export type BridgeState = "connecting" | "connected" | "stalled" | "waiting" | "disabled" | "left-over" | "stopped";

export interface BridgeRuleReport {
  readonly filter: string;
  readonly direction: "up" | "down" | "both";
  readonly localPrefix: string;
  readonly remotePrefix: string;
  readonly outage: "live-first" | "oldest-first";
  readonly priority: number;
  readonly messages: number;
  readonly bytes: number;
  readonly oldestSeconds: number | null;
  readonly limits: { readonly messagesMax: number; readonly bytesMax: number };
}

export interface BridgeReport {
  readonly name: string;
  readonly state: BridgeState;
  /** Since when, as ISO 8601. */
  readonly since: string;
  /** What waits stays, and what comes waits too; what the upstream sends still comes. */
  readonly paused: boolean;
  /** What waits goes before all that is fresh, until what waited when that was asked for is through. */
  readonly draining: boolean;
  /** The upstream that it is connected to, or tries next. */
  readonly url: string | null;
  readonly clientId: string;
  /** Of the connection; null without one. */
  readonly protocol: "5" | "3.1.1" | null;
  /** When the next attempt is due, as ISO 8601; null where none is. */
  readonly retryAt: string | null;
  readonly lastError: { readonly at: string; readonly message: string } | null;
  /** Messages that wait, without those in flight. */
  readonly messages: number;
  readonly bytes: number;
  readonly oldestSeconds: number | null;
  /** Sent and not acknowledged. */
  readonly inFlight: number;
  /** Of those that wait: no rule matches them any more. */
  readonly stranded: number;
  /** Messages per second over the last ten seconds. */
  readonly perSecond: { readonly forwarded: number; readonly received: number };
  /** Since the gateway started. */
  readonly totals: {
    /** Acknowledged by the upstream, or at QoS 0 sent. */
    readonly forwarded: number;
    readonly received: number;
    readonly bytesSent: number;
    /** Sent again after a lost connection. */
    readonly resent: number;
    readonly connections: number;
  };
  /** Messages that did not go up or down, by reason, since the gateway started. */
  readonly drops: Readonly<Record<string, number>>;
  readonly rules: readonly BridgeRuleReport[];
}

/** What can be seen of bridges and done with them while the gateway runs. @throws ERR_NOT_FOUND for names that are not there */
export interface BridgeControl {
  reports(): readonly BridgeReport[];
  report(name: string): BridgeReport;
  pause(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  /** What waits goes before all that is fresh, until what waits at this moment is through; a pause ends. @throws ERR_CONFLICT where it is left over or disabled */
  drain(name: string): Promise<void>;
  /** Forgets a bridge that is left over. @throws ERR_CONFLICT where it is configured, or, without `force`, holds messages */
  remove(name: string, force: boolean): Promise<{ messages: number }>;
  mailbox(name: string): MailboxControl;
}
