import type { Rate } from "../actor/rate.ts";
import type { DropReason } from "../device/counters.ts";
import type { DeviceContext } from "../device/device-context.ts";
import { awaiting } from "../device/in-flight-window.ts";
import type { MailboxControl } from "../device/mailbox-control.ts";
import type { QoS } from "../protocol/packet-type.ts";
import { Provenance } from "../protocol/provenance.ts";
import { isFailure } from "../protocol/reason-code.ts";
import { Message } from "../store/message.ts";
import type { BridgeRule } from "./bridge-settings.ts";
import type { EchoMemory } from "./echo-memory.ts";
import type { PassReason } from "./pass-reason.ts";
import { RuleMailboxes } from "./rule-mailboxes.ts";
import { Sampling } from "./sampling.ts";
import type { TopicMapping } from "./topic-mapping.ts";
import type { Agreed } from "./upstream.ts";
import { UpstreamDevice } from "./upstream-device.ts";
import { UpstreamForwarder } from "./upstream-forwarder.ts";

/** Of so many it is remembered; what was in flight is among the first. */
const IDS_BEFORE_MAX = 5000;

/** What the way up needs to know of its bridge, at the moment when it asks. */
export interface UplinkParts {
  /** By what the store knows the bridge. */
  readonly id: string;
  readonly context: DeviceContext;
  readonly mapping: () => TopicMapping;
  readonly settings: () => {
    readonly topics: readonly BridgeRule[];
    readonly protocol: "5" | "3.1.1";
    readonly hopsMax: number;
    readonly inFlightMax: number;
  };
  /** What the upstream said; null while there is none. */
  readonly agreed: () => Agreed | null;
  readonly echoes: () => EchoMemory | null;
  readonly forwarded: Rate;
  readonly counted: (reason: PassReason) => void;
  /** A message was given up. */
  readonly dropped: (message: Message, reason: DropReason) => void;
  readonly failed: (reason: unknown) => void;
}

/**
 * What a bridge sends up: which messages it takes, in which of its mailboxes they wait, and what the upstream acknowledges.
 */
export class Uplink {
  mailboxes!: RuleMailboxes;
  device: UpstreamDevice;
  /** Messages that were sent again after a lost connection. */
  resent = 0;
  readonly #parts: UplinkParts;
  readonly #samplings = new WeakMap<BridgeRule, Sampling>();
  #isPaused = false;
  /** Messages that the upstream has acknowledged and of which that is not on the disk: a restart would send them again. */
  #unwritten = 0;
  #isWriting = false;
  /** Numbers of QoS 2 messages that may have been sent before the gateway started anew: the upstream may remember their packet ids. */
  readonly #maybeSent = new Set<number>();
  /** The number of the latest message when it was asked to drain; 0 while it is not. */
  #drainsUpTo = 0;

  constructor(parts: UplinkParts) {
    this.#parts = parts;
    this.device = this.#newDevice();
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused;
    if (isPaused) this.#drainsUpTo = 0;
    this.mailboxes.isDraining = this.isDraining;
    this.device.mailbox.isPaused = isPaused;
  }

  get isDraining(): boolean {
    return this.#drainsUpTo > 0;
  }

  /** Messages that wait, also those that no rule matches any more. */
  get waiting(): number {
    return this.mailboxes.depth + this.mailboxes.stranded;
  }

  get inFlight(): number {
    return this.device.mailbox.waiting.inFlight;
  }

  /** Something might be sent, and is not: the upstream has nothing to acknowledge, and yet messages wait. */
  get isStuck(): boolean {
    const { connection } = this.device;
    if (this.#isPaused || this.#isWriting || connection === null) return false;
    const isHeldBack = connection.unsentBytes >= this.#parts.context.settings.sendBufferBytesMax;
    return !isHeldBack && this.mailboxes.depth > 0 && this.inFlight === 0;
  }

  /** The largest message that the upstream has to acknowledge, in bytes; undefined where there is none. */
  get largestInFlight(): number | undefined {
    let largest: number | undefined;
    this.device.mailbox.forEachInFlight(({ message, awaits }) => {
      // With the release it is our disk that is waited for.
      if (awaits !== awaiting.release) largest = Math.max(largest ?? 0, message?.bytes ?? 0);
    });
    return largest;
  }

  /** Of everything that waits, whatever becomes of the bridge meanwhile. */
  get control(): MailboxControl {
    const uplink = this;
    return {
      get waiting() {
        const { mailboxes, waiting: messages, inFlight } = uplink;
        return { messages, bytes: mailboxes.bytes, oldestAt: mailboxes.first?.publishedAt, inFlight };
      },
      get isPaused() {
        return uplink.isPaused;
      },
      set isPaused(isPaused) {
        uplink.isPaused = isPaused;
      },
      drain: (max) => uplink.device.mailbox.drain(max),
      putBack: (messages) => uplink.device.mailbox.putBack(messages),
      forget: (message) => {
        uplink.device.mailbox.forget(message);
        uplink.#gaveUp(message);
      },
      offer: (message) => uplink.#offer(message),
    };
  }

  /** Takes a message that was published, if it is for this upstream. */
  take(published: Message): void {
    const { id, context, mapping, agreed, counted } = this.#parts;
    if (published.clientId === id) return; // it came from this very upstream
    const mapped = mapping().up(published.topic);
    if (mapped === undefined) return;
    const { rule } = mapped;
    if (this.#isLoop(published)) return counted("loop");
    const message = atQosOf(rule, published);
    // QoS 0 is not kept for those who are away.
    if (message.qos === 0 && (agreed() === null || this.#isPaused)) return counted("away");
    if (rule.sampleSeconds > 0 && !this.#samplingOf(rule).takes(published.topic, context.clock.now())) {
      return counted("sampled");
    }
    this.device.deliver(message, 2);
  }

  /** A message could not be taken: the store has it for when everything is built anew. */
  crashed(reason: unknown, published: Message): void {
    const mapped = this.#parts.mapping().up(published.topic);
    if (mapped === undefined) this.#parts.failed(reason);
    else this.device.crashed(reason, atQosOf(mapped.rule, published), 2);
  }

  /** Builds everything anew from what the store has. What comes meanwhile waits behind it. */
  async rebuild(): Promise<void> {
    this.device.stop();
    const { store } = this.#parts.context.broker;
    await store.unlessFailing(store.written());
    this.#unwritten = 0;
    this.device = this.#newDevice();
    await this.restore();
  }

  /** Takes up what the store has. */
  async restore(): Promise<void> {
    const { id, context, mapping } = this.#parts;
    const { store } = context.broker;
    const { device } = this;
    const outgoing = await store.outstanding(id);
    const receipts = await store.receipts(id);
    if (device !== this.device) return;
    // What no rule matches any more is not sent again either.
    const sorted = outgoing.map((each) => {
      const isStranded = each.entry instanceof Message && mapping().up(each.entry.topic) === undefined;
      return isStranded ? { ...each, packetId: undefined } : each;
    });
    for (const { entry, packetId } of sorted) {
      if (!(entry instanceof Message) || entry.qos < 2 || packetId !== undefined) continue;
      if (this.#maybeSent.size === IDS_BEFORE_MAX) break;
      this.#maybeSent.add(entry.sequence);
    }
    device.tell({ kind: "restore", outgoing: sorted, receipts });
  }

  /** What waits goes before all that comes, until what waits at this moment is through. */
  drain(): void {
    this.isPaused = false;
    this.#drainsUpTo = Math.max(1, this.#parts.context.broker.counter);
    this.mailboxes.isDraining = true;
  }

  /** What has waited too long goes. Says whether it has just ended to drain. */
  refresh(): boolean {
    this.device.refresh();
    if (!this.isDraining) return false;
    let first = this.mailboxes.firstToSend?.sequence ?? Number.POSITIVE_INFINITY;
    this.device.mailbox.forEachInFlight(({ sequence }) => {
      first = Math.min(first, sequence);
    });
    if (first <= this.#drainsUpTo) return false;
    this.#drainsUpTo = 0;
    this.mailboxes.isDraining = false;
    return true;
  }

  #samplingOf(rule: BridgeRule): Sampling {
    let sampling = this.#samplings.get(rule);
    if (sampling === undefined) {
      sampling = new Sampling(rule.sampleSeconds);
      this.#samplings.set(rule, sampling);
    }
    return sampling;
  }

  /** Whether it was at this upstream already, or would come back for ever. */
  #isLoop({ properties, clientId }: Message): boolean {
    const { agreed, settings, context } = this.#parts;
    if (properties !== undefined && Provenance.hopsOf(properties) >= settings().hopsMax) return true;
    const version = agreed()?.version ?? (settings().protocol === "5" ? 5 : 4);
    if (version === 5) return false;
    // Before MQTT 5 a message cannot say where it came from: what has come over one bridge goes over no other.
    return context.cameOverBridge(clientId);
  }

  /** What is moved here, or comes from the dead letters. */
  #offer(message: Message): boolean {
    const rule = this.#parts.mapping().up(message.topic)?.rule;
    if (rule === undefined) return false;
    return this.device.mailbox.offer(message.kept.at(Math.max(1, rule.qos) as QoS));
  }

  #newDevice(): UpstreamDevice {
    const { id, context, mapping, settings, counted, dropped, failed, forwarded } = this.#parts;
    const { topics: rules } = settings();
    const own = mapping();
    const superseded = (message: Message) => {
      counted("superseded");
      this.#gaveUp(message);
    };
    const isGivenUp = (message: Message, reason: DropReason) => {
      dropped(message, reason);
      this.#gaveUp(message);
    };
    const device = new UpstreamDevice(
      id,
      context,
      { dropped: isGivenUp, detached: () => {}, failed: (broken, reason) => broken === this.device && failed(reason) },
      {
        backlog: (owner, record, certain) => {
          this.mailboxes = new RuleMailboxes({ rules, mapping: own, context, owner, record, certain, superseded });
          return this.mailboxes;
        },
        forwarder: new UpstreamForwarder({
          context,
          mapping: own,
          sent: (message, topic, again) => this.#sent(message, topic, again),
        }),
        inFlightMax: () => settings().inFlightMax - this.#unwritten,
        acknowledged: (message, code) => {
          if (isFailure(code) && message !== null) dropped(message, "rejected");
          else forwarded.total++;
          this.#unwritten++;
          this.#write();
        },
      },
    );
    device.mailbox.isPaused = this.#isPaused;
    this.mailboxes.isDraining = this.isDraining;
    return device;
  }

  /** It will not be sent: what the upstream may have of it is to be forgotten before anything else has its packet id. */
  #gaveUp({ sequence, packetId }: Message): void {
    if (this.#maybeSent.delete(sequence)) this.device.owes([packetId]);
  }

  /** What a restart sends again is no more than may be in flight: beyond that it waits for the disk. */
  #write(): void {
    const { settings, context } = this.#parts;
    if (this.#unwritten * 2 < settings().inFlightMax || this.#isWriting) return;
    this.#isWriting = true;
    const count = this.#unwritten;
    const { store } = context.broker;
    store.unlessFailing(store.written()).then(() => {
      this.#isWriting = false;
      this.#unwritten = Math.max(0, this.#unwritten - count); // all was built anew, maybe
      this.#write();
      this.device.drained();
    });
  }

  #sent({ qos, payload, sequence }: Message, topic: string, again: boolean): void {
    if (this.#maybeSent.size > 0) this.#maybeSent.delete(sequence);
    const { forwarded, echoes, mapping, context } = this.#parts;
    if (qos === 0) forwarded.total++;
    if (again) this.resent++;
    const memory = echoes();
    if (memory !== null && mapping().down(topic) !== undefined) memory.sent(topic, payload, context.clock.now());
  }
}

function atQosOf({ qos, qosMin }: BridgeRule, published: Message): Message {
  return (qosMin > 0 ? published.kept : published).at(qos as QoS);
}
