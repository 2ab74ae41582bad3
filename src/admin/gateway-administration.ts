import type { BridgeControl } from "../bridge/bridge-report.ts";
import type { EdgeBroker } from "../broker/edge-broker.ts";
import { type DeadLetter, summaryOf } from "../delivery/dead-letters.ts";
import type { DeliveryModels } from "../delivery/delivery-models.ts";
import { move, purge } from "../delivery/mailbox-work.ts";
import type { Queue } from "../delivery/queue.ts";
import type { QueueSettings } from "../delivery/queue-settings.ts";
import type { QueueOrigin } from "../delivery/queues.ts";
import { requeue } from "../delivery/requeue.ts";
import type { Device } from "../device/device.ts";
import type { DeviceRegistry } from "../device/device-registry.ts";
import type { MailboxControl } from "../device/mailbox-control.ts";
import { WaypostError } from "../waypost-error.ts";
import type {
  Administration,
  BridgeReport,
  DeadLetterPage,
  DeadLetterReport,
  DeadLetterSelection,
  GroupReport,
  MailboxReport,
  Place,
  QueueReport,
  RequestOptions,
  RequestOutcome,
} from "./administration.ts";

const GROUP_DEVICES_MAX = 1000;

export interface AdministrationParts {
  readonly broker: EdgeBroker;
  readonly registry: DeviceRegistry;
  readonly delivery: DeliveryModels;
  readonly bridges: BridgeControl;
  /** Checks the settings of a queue that is created. @throws ERR_USAGE */
  readonly readQueueSettings: (name: string, settings: unknown) => QueueSettings;
  /** In milliseconds since the Unix epoch. */
  readonly now: () => number;
}

/** The administration of a running gateway. */
export class GatewayAdministration implements Administration {
  readonly #parts: AdministrationParts;

  constructor(parts: AdministrationParts) {
    this.#parts = parts;
  }

  queues(): readonly QueueReport[] {
    return Array.from(this.#delivery.queues.all, (entry) => this.#reportOf(entry));
  }

  queue(name: string): QueueReport {
    return this.#reportOf(this.#delivery.queues.known(name));
  }

  async createQueue(name: string, settings: unknown): Promise<QueueReport> {
    await this.#delivery.queues.create(name, this.#parts.readQueueSettings(name, settings));
    return this.queue(name);
  }

  async removeQueue(name: string, force: boolean): Promise<{ messages: number }> {
    return { messages: await this.#delivery.queues.remove(name, force) };
  }

  mailboxes(): readonly MailboxReport[] {
    return Array.from(this.#parts.registry.devices, (device) => this.#mailboxReportOf(device));
  }

  mailbox(device: string): MailboxReport {
    return this.#mailboxReportOf(this.#deviceOf(device));
  }

  bridges(): readonly BridgeReport[] {
    return this.#parts.bridges.reports();
  }

  bridge(name: string): BridgeReport {
    return this.#parts.bridges.report(name);
  }

  async drainBridge(name: string): Promise<BridgeReport> {
    await this.#parts.bridges.drain(name);
    return this.bridge(name);
  }

  async removeBridge(name: string, force: boolean): Promise<{ messages: number }> {
    return this.#parts.bridges.remove(name, force);
  }

  async pause(place: Place): Promise<void> {
    await this.#setPaused(place, true);
  }

  async resume(place: Place): Promise<void> {
    await this.#setPaused(place, false);
  }

  async purge(place: Place): Promise<{ messages: number }> {
    return { messages: await purge(this.#mailboxOf(place)) };
  }

  async move(from: Place, to: Place, max = Number.POSITIVE_INFINITY): Promise<{ messages: number; left: number }> {
    if (from.kind === to.kind && from.name === to.name) {
      throw new WaypostError("ERR_USAGE", `${from.name} is to be moved to itself: name another place`);
    }
    return move(this.#mailboxOf(from), this.#mailboxOf(to), this.#parts.broker, max);
  }

  groups(): readonly GroupReport[] {
    const { groups } = this.#delivery;
    return groups.names.map((name) => {
      const { members = [], qos = 0 } = groups.settingsOf(name) ?? {};
      const devices = [...groups.membersOf(name)].sort();
      return { name, members, qos, devices: devices.slice(0, GROUP_DEVICES_MAX), devicesCount: devices.length };
    });
  }

  deadLetters({
    reason,
    destination,
    max,
    before = Number.POSITIVE_INFINITY,
  }: Parameters<Administration["deadLetters"]>[0]): DeadLetterPage {
    const { newestFirst, messages, bytes, counts } = this.#delivery.deadLetters;
    const isWanted = (letter: DeadLetter) => letter.id < before && isSelected(letter, { reason, destination });
    const letters = newestFirst.filter(isWanted).slice(0, max);
    return { letters: letters.map(summaryOf), kept: { messages, bytes }, counts: { ...counts } };
  }

  deadLetter(id: number): DeadLetterReport {
    const letter = this.#delivery.deadLetters.get(id);
    if (letter === undefined) throw new WaypostError("ERR_NOT_FOUND", `there is no dead letter ${id}`);
    const { message } = letter;
    const payload = message.payload.toString("base64");
    const { subscriptionIdentifier: _, ...properties } = message.properties?.toJSON() ?? {};
    return { ...summaryOf(letter), payload, retain: message.publishedRetained, properties };
  }

  async requeue(selection: DeadLetterSelection, force: boolean): Promise<{ requeued: number; refused: number }> {
    const { delivery, registry, bridges } = this.#parts;
    const bridgeMailbox = (name: string) => mailboxIfThere(bridges, name);
    return requeue(this.#selected(selection), force, { delivery, registry, bridgeMailbox });
  }

  async purgeDeadLetters(selection: DeadLetterSelection): Promise<{ messages: number }> {
    const letters = this.#selected(selection);
    for (const { id } of letters) this.#delivery.deadLetters.remove(id);
    return { messages: letters.length };
  }

  request(options: RequestOptions): Promise<RequestOutcome> {
    return this.#delivery.requests.request(options);
  }

  get #delivery(): DeliveryModels {
    return this.#parts.delivery;
  }

  async #setPaused({ kind, name }: Place, isPaused: boolean): Promise<void> {
    const { bridges } = this.#parts;
    switch (kind) {
      case "queue":
        return this.#delivery.queues.pause(name, isPaused);
      case "device":
        this.#deviceOf(name).mailbox.isPaused = isPaused;
        return;
      case "bridge":
        return isPaused ? bridges.pause(name) : bridges.resume(name);
    }
  }

  #mailboxOf({ kind, name }: Place): MailboxControl {
    switch (kind) {
      case "queue":
        return this.#delivery.queues.known(name).queue;
      case "device":
        return this.#deviceOf(name).mailbox;
      case "bridge":
        return this.#parts.bridges.mailbox(name);
    }
  }

  /** @throws ERR_NOT_FOUND */
  #deviceOf(id: string): Device {
    const device = this.#parts.registry.get(id);
    if (device !== undefined) return device;
    throw new WaypostError("ERR_NOT_FOUND", `there is no device ${JSON.stringify(id)}, connected or with a session`);
  }

  /** Oldest first. @throws ERR_USAGE where nothing is selected */
  #selected(selection: DeadLetterSelection): DeadLetter[] {
    const { ids, reason, destination, all } = selection;
    if (ids === undefined && reason === undefined && destination === undefined && all === undefined) {
      throw new WaypostError("ERR_USAGE", "say which dead letters: ids, a reason, a destination, or all");
    }
    for (const id of ids ?? []) {
      if (this.#delivery.deadLetters.get(id) === undefined) {
        throw new WaypostError("ERR_NOT_FOUND", `there is no dead letter ${id}`);
      }
    }
    const wanted = new Set(ids);
    const isWanted = (letter: DeadLetter) =>
      (ids === undefined || wanted.has(letter.id)) && isSelected(letter, selection);
    return this.#delivery.deadLetters.newestFirst.reverse().filter(isWanted);
  }

  #reportOf({ queue, origin }: { readonly queue: Queue; readonly origin: QueueOrigin }): QueueReport {
    const { name, settings, isPaused, waiting, line, consumers, arrived, settledRate, redelivered, deadLetters } =
      queue;
    const active = new Set(consumers.active);
    return {
      name,
      topics: settings.topics,
      origin,
      paused: isPaused,
      messages: waiting.messages,
      bytes: waiting.bytes,
      delayed: line.delayed,
      oldestSeconds: this.#ageOf(waiting.oldestAt),
      inDelivery: waiting.inFlight,
      consumers: Array.from(consumers.all, (consumer) => {
        const { id, device, inDelivery } = consumer;
        return { id, online: device.isOnline, backup: device.isOnline && !active.has(consumer), inDelivery };
      }),
      perSecond: {
        arrived: arrived.perSecond,
        settled: settledRate.perSecond,
        redelivered: redelivered.perSecond,
      },
      totals: { arrived: arrived.total, settled: settledRate.total, redelivered: redelivered.total, deadLetters },
      limits: { messagesMax: settings.messagesMax, bytesMax: settings.bytesMax },
    };
  }

  #mailboxReportOf({ id, isOnline, mailbox }: Device): MailboxReport {
    const { messages, bytes, oldestAt, inFlight } = mailbox.waiting;
    const oldestSeconds = this.#ageOf(oldestAt);
    return {
      device: id,
      online: isOnline,
      paused: mailbox.isPaused,
      messages,
      bytes,
      oldestSeconds,
      inDelivery: inFlight,
    };
  }

  #ageOf(at: number | undefined): number | null {
    return at === undefined ? null : Math.max(0, Math.floor(this.#parts.now() / 1000) - at);
  }
}

/** Asked for each of many letters: too often for all reports. */
function mailboxIfThere(bridges: BridgeControl, name: string): MailboxControl | undefined {
  try {
    return bridges.mailbox(name);
  } catch (error) {
    if (error instanceof WaypostError && error.code === "ERR_NOT_FOUND") return undefined;
    throw error;
  }
}

/** By reason and destination. */
function isSelected(
  letter: DeadLetter,
  { reason, destination }: { reason?: string | undefined; destination?: string | undefined },
): boolean {
  return (
    (reason === undefined || letter.reason === reason) &&
    (destination === undefined || letter.destination.name === destination)
  );
}
