import type { BridgeReport } from "../bridge/bridge-report.ts";
import type { RequestOptions, RequestOutcome } from "../delivery/requests.ts";
import type { Destination } from "../device/dead-letter-box.ts";

export type { BridgeReport } from "../bridge/bridge-report.ts";
export type { RequestOptions, RequestOutcome } from "../delivery/requests.ts";

/** What waits somewhere: in a queue, in the mailbox of a device, or in that of a bridge. */
export interface Place {
  readonly kind: "queue" | "device" | "bridge";
  /** Name of the queue or bridge, or client id. */
  readonly name: string;
}

export interface ConsumerReport {
  /** Client id. */
  readonly id: string;
  readonly online: boolean;
  /** Waits for the place of another one. */
  readonly backup: boolean;
  /** Messages that it has not settled. */
  readonly inDelivery: number;
}

/** Messages per second over the last ten seconds. */
export interface QueueRates {
  readonly arrived: number;
  readonly settled: number;
  readonly redelivered: number;
}

export interface QueueReport {
  readonly name: string;
  readonly topics: readonly string[];
  /** `left-over`: not in the configuration any more, but not empty. */
  readonly origin: "configuration" | "created" | "left-over";
  readonly paused: boolean;
  /** Messages that wait, delayed ones with them, without those in delivery. */
  readonly messages: number;
  readonly bytes: number;
  readonly delayed: number;
  /** Age of the oldest that waits; null for none. */
  readonly oldestSeconds: number | null;
  /** Sent to a consumer and not settled. */
  readonly inDelivery: number;
  readonly consumers: readonly ConsumerReport[];
  readonly perSecond: QueueRates;
  /** Since the gateway started. */
  readonly totals: {
    readonly arrived: number;
    readonly settled: number;
    readonly redelivered: number;
    readonly deadLetters: number;
  };
  readonly limits: { readonly messagesMax: number; readonly bytesMax: number };
}

export interface MailboxReport {
  /** Client id. */
  readonly device: string;
  readonly online: boolean;
  readonly paused: boolean;
  readonly messages: number;
  readonly bytes: number;
  readonly oldestSeconds: number | null;
  readonly inDelivery: number;
}

export interface GroupReport {
  readonly name: string;
  readonly members: readonly string[];
  readonly qos: number;
  /** Client ids of the devices that it reaches, in order, at most 1,000 of them. */
  readonly devices: readonly string[];
  readonly devicesCount: number;
}

export interface DeadLetterSummary {
  readonly id: number;
  readonly reason: string;
  /** When, as ISO 8601. */
  readonly at: string;
  readonly topic: string;
  readonly qos: number;
  readonly payloadBytes: number;
  /** Client id of its publisher; null where the gateway itself published. */
  readonly origin: string | null;
  readonly destination: Destination;
  /** How often it was sent on its way again. */
  readonly requeues: number;
}

export interface DeadLetterReport extends DeadLetterSummary {
  /** Base64. */
  readonly payload: string;
  readonly retain: boolean;
  /** MQTT 5 properties, by the names of mqtt-packet; buffers as base64. */
  readonly properties: Readonly<Record<string, unknown>>;
}

/** Which dead letters; those for which everything holds that is given. At least one of ids, reason, destination, all. */
export interface DeadLetterSelection {
  readonly ids?: readonly number[];
  readonly reason?: string;
  /** Name of the destination. */
  readonly destination?: string;
  readonly all?: true;
}

export interface DeadLetterPage {
  /** Newest first. */
  readonly letters: readonly DeadLetterSummary[];
  readonly kept: { readonly messages: number; readonly bytes: number };
  /** Since the gateway started, by reason. */
  readonly counts: Readonly<Record<string, number>>;
}

/**
 * What can be seen and done while the gateway runs.
 * @throws ERR_NOT_FOUND for names that are not there, ERR_CONFLICT where the state forbids it, ERR_USAGE for wrong input
 */
export interface Administration {
  queues(): readonly QueueReport[];
  queue(name: string): QueueReport;
  /** `settings` as in the configuration, not validated yet. */
  createQueue(name: string, settings: unknown): Promise<QueueReport>;
  /** A queue that holds messages is removed only by force; they become dead letters. */
  removeQueue(name: string, force: boolean): Promise<{ messages: number }>;
  mailboxes(): readonly MailboxReport[];
  mailbox(device: string): MailboxReport;
  bridges(): readonly BridgeReport[];
  bridge(name: string): BridgeReport;
  /** What waits at this moment goes up before all that is fresh, as soon as the uplink is there; until then it is `draining`. */
  drainBridge(name: string): Promise<BridgeReport>;
  /** Forgets a bridge that the configuration has no more; one that holds messages, with them, only by force. */
  removeBridge(name: string, force: boolean): Promise<{ messages: number }>;
  pause(place: Place): Promise<void>;
  resume(place: Place): Promise<void>;
  /** Forgets what waits there. */
  purge(place: Place): Promise<{ messages: number }>;
  /** Oldest first, at most `max`, as far as there is room. */
  move(from: Place, to: Place, max?: number): Promise<{ messages: number; left: number }>;
  groups(): readonly GroupReport[];
  deadLetters(filter: {
    reason?: string | undefined;
    destination?: string | undefined;
    /** At most this many. */
    max: number;
    /** Only older ones than this id. */
    before?: number | undefined;
  }): DeadLetterPage;
  deadLetter(id: number): DeadLetterReport;
  /** Sends them to where they could not go; one that failed again several times only by force. */
  requeue(selection: DeadLetterSelection, force: boolean): Promise<{ requeued: number; refused: number }>;
  purgeDeadLetters(selection: DeadLetterSelection): Promise<{ messages: number }>;
  request(options: RequestOptions): Promise<RequestOutcome>;
}
