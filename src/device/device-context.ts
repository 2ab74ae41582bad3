import type { Clock } from "../actor/clock.ts";
import type { EdgeBroker } from "../broker/edge-broker.ts";
import type { Log } from "../log.ts";
import { TopicReader } from "../protocol/topic-reader.ts";
import { WireSlab } from "../protocol/wire-slab.ts";
import { BRIDGE_ID_PREFIX } from "../store/bridge-session.ts";
import type { Message } from "../store/message.ts";
import { Admission } from "./admission.ts";
import { Counters, type DropReason } from "./counters.ts";
import type { DeadLetterBox, Destination } from "./dead-letter-box.ts";
import type { DeviceSettings } from "./device-settings.ts";
import { DropLog } from "./drop-log.ts";
import { Grace } from "./grace.ts";
import type { Link } from "./link.ts";
import { type MailboxRules, rulesOfDevices } from "./mailbox-rules.ts";
import type { Shares } from "./share.ts";
import { Flusher } from "./stream-writer.ts";
import { TopicClasses } from "./topic-classes.ts";
import { WireForms } from "./wire-forms.ts";

/** What all devices and connections of one gateway have in common. */
export class DeviceContext {
  readonly broker: EdgeBroker;
  readonly settings: DeviceSettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters = new Counters();
  readonly drops: DropLog;
  readonly flusher = new Flusher();
  readonly classes: TopicClasses;
  readonly admission: Admission;
  readonly mailboxRules: MailboxRules;
  readonly grace: Grace;
  readonly topics: TopicReader;
  /** Acknowledgements are written apart from messages, so that those to one connection lie side by side. */
  readonly acknowledgements = new WireSlab(16384);
  /** Where shared subscriptions live; set once, by who puts the broker together. */
  shares: Shares | null = null;
  /** Where what is not delivered is kept; set once, by who puts the broker together. */
  deadLetters: DeadLetterBox | null = null;
  /** Connections that the gateway opened itself, by the ids of their sessions. */
  readonly upstreams = new Map<string, Link>();
  /** Know the sessions in the store that belong to no client. */
  readonly sessionOwners: { owns(storeId: string): boolean; clockJumped(ms: number): void }[] = [];
  readonly wireForms = new WireForms();
  /** Frames written for one receiver only. */
  readonly frames = new WireSlab(16384);

  constructor(broker: EdgeBroker, settings: DeviceSettings, clock: Clock, log: Log) {
    this.broker = broker;
    this.settings = settings;
    this.clock = clock;
    this.log = log;
    this.drops = new DropLog(log, clock);
    this.topics = new TopicReader(settings);
    this.grace = new Grace(clock);
    this.classes = new TopicClasses(settings);
    this.admission = new Admission(settings, this.classes, broker.store.usage);
    this.mailboxRules = rulesOfDevices(settings, this.classes, this.admission);
  }

  /** Whether a message of this publisher has come from another broker: over a bridge of ours, or of that broker's own. */
  cameOverBridge(clientId: string | undefined): boolean {
    if (clientId === undefined) return false;
    if (clientId.startsWith(BRIDGE_ID_PREFIX)) return true;
    const { clients } = this.broker;
    return Object.hasOwn(clients, clientId) && (clients[clientId] as { isBridge?: boolean }).isBridge === true;
  }

  /** A message will not be delivered: it is counted, logged, and kept as a dead letter where it was promised. */
  undelivered(message: Message, reason: DropReason, destination: Destination): void {
    this.dropped(destination.name, reason);
    this.deadLetters?.put(message, reason, destination);
  }

  /** Counts and logs a message that is kept nowhere. `who` is named in the log. */
  dropped(who: string, reason: DropReason): void {
    this.counters.dropped[reason]++;
    this.drops.note(who, reason);
  }
}
