import { inspectStore, messagesFor } from "../store/inspect-store.ts";
import { mailboxSessionId } from "../store/mailbox-name.ts";
import { readStore, type StoredState } from "../store/read-store.ts";
import type {
  InspectedBridge,
  InspectedDevice,
  InspectedMessage,
  InspectedQueue,
  InspectedSegment,
  InspectedSharedSubscription,
  InspectedWill,
  StoreInspection,
} from "../store/store-inspection.ts";
import { WaypostError } from "../waypost-error.ts";
import { ageText } from "./age-text.ts";
import type { CommandContext } from "./command-context.ts";
import { counted } from "./counted.ts";
import { exitCodes } from "./exit-code.ts";
import { payloadText } from "./payload-text.ts";
import { printable } from "./printable.ts";
import { sizeText } from "./size-text.ts";
import { type StoreOptions, storeDirectory } from "./store-directory.ts";
import { textTable } from "./text-table.ts";
import { usageError } from "./usage-error.ts";

export interface InspectOptions extends StoreOptions {
  readonly device?: string;
  readonly payload?: boolean;
  readonly json?: boolean;
}

/** `waypost store inspect`. Errors: ERR_USAGE; ERR_STORE where the store cannot be read or has no such device. */
export async function storeInspect(
  options: InspectOptions,
  context: CommandContext,
  now: () => number = Date.now,
): Promise<number> {
  if (options.payload && options.device === undefined)
    throw usageError("--payload needs --device, which lists messages");
  const state = await readStore(storeDirectory(options, context));
  const inspection = inspectStore(state, now());
  const text =
    options.device === undefined
      ? ofStore(inspection, options, now())
      : ofOne(options.device, inspection, state, options, now());
  context.stdout.write(text);
  const damaged = inspection.segments.filter(({ damagedPlaces }) => damagedPlaces > 0).map(({ name }) => name);
  if (damaged.length > 0) {
    const text = `warning: ${damaged.join(", ")} damaged, so that something may be missing here: see waypost store verify\n`;
    context.stderr.write(text);
  }
  return exitCodes.ok;
}

function ofStore(inspection: StoreInspection, { json }: InspectOptions, now: number): string {
  if (json) return `${JSON.stringify({ at: new Date(now).toISOString(), ...inspection })}\n`;
  const { devices, sharedSubscriptions, queues, bridges, wills, segments } = inspection;
  const parts = [summaryOf(inspection)];
  if (devices.length > 0) {
    const rows = devices.map((device) => deviceRow(device, now));
    parts.push(textTable(deviceHeadings, rows));
  }
  if (sharedSubscriptions.length > 0) parts.push(textTable(sharedHeadings, sharedSubscriptions.map(sharedRow)));
  if (queues.length > 0) parts.push(textTable(queueHeadings, queues.map(queueRow)));
  if (bridges.length > 0) parts.push(textTable(bridgeHeadings, bridges.map(bridgeRow)));
  if (wills.length > 0) {
    const headings = ["will of", "topic", "QoS", "retained", "payload", "delay", "due"];
    parts.push(textTable(headings, wills.map(willRow)));
  }
  if (segments.length > 0) {
    const headings = ["segment", "size", "commits", "entries that count", "their size", "is"];
    parts.push(textTable(headings, segments.map(segmentRow)));
  }
  return parts.join("\n");
}

function summaryOf({ directory, totals, wills, segments }: StoreInspection): string {
  const { messages, bytes, oldestAgeSeconds, retained, retainedBytes } = totals;
  const oldest = oldestAgeSeconds === null ? "" : `, the oldest for ${ageText(oldestAgeSeconds)}`;
  const shared =
    totals.sharedSubscriptions === 0 ? "" : `  ${counted(totals.sharedSubscriptions, "shared subscription")}\n`;
  const queues = totals.queues === 0 ? "" : `  ${counted(totals.queues, "queue")}\n`;
  const bridges = totals.bridges === 0 ? "" : `  ${counted(totals.bridges, "bridge")}\n`;
  const { deadLetters, deadLetterBytes } = totals;
  const dead = deadLetters === 0 ? "" : `  ${counted(deadLetters, "dead letter")}, ${sizeText(deadLetterBytes)}\n`;
  const due = wills.filter(({ dueAt }) => dueAt !== null).length;
  const delayed = due === 0 ? "" : `, ${counted(due, "will")} whose delay runs`;
  return (
    `store ${directory}\n` +
    `  ${counted(totals.devices, "device")} with ${counted(totals.subscriptions, "subscription")}\n` +
    shared +
    queues +
    bridges +
    `  ${counted(messages, "message")} waiting, ${sizeText(bytes)}${oldest}; one for several receivers is counted once\n` +
    `  ${counted(retained, "retained message")}, ${sizeText(retainedBytes)}\n` +
    `  ${counted(wills.length - due, "will")} of connected devices${delayed}\n` +
    dead +
    `  ${counted(segments.length, "segment")}, ${sizeText(totals.bytesOnDisk)} on the disk\n`
  );
}

/** One device; or one queue, bridge or shared subscription, where no device has that name for its id. */
function ofOne(name: string, inspection: StoreInspection, state: StoredState, options: InspectOptions, now: number) {
  const device = inspection.devices.find((each) => each.device === name);
  if (device !== undefined) {
    const table = textTable(deviceHeadings, [deviceRow(device, now)]);
    return withMessages(device, table, messagesFor(state, name, now), options, now);
  }
  const shared = inspection.sharedSubscriptions.find((each) => each.name === name);
  if (shared !== undefined) {
    const table = textTable(sharedHeadings, [sharedRow(shared)]);
    return withMessages(shared, table, messagesFor(state, mailboxSessionId(name), now), options, now);
  }
  const queue = inspection.queues.find((each) => each.name === name);
  if (queue !== undefined) {
    const table = textTable(queueHeadings, [queueRow(queue)]);
    return withMessages(queue, table, messagesFor(state, mailboxSessionId(name), now), options, now);
  }
  const bridge = inspection.bridges.find((each) => each.name === name);
  if (bridge !== undefined) {
    const table = textTable(bridgeHeadings, [bridgeRow(bridge)]);
    return withMessages(bridge, table, messagesFor(state, mailboxSessionId(name), now), options, now);
  }
  const why = `no device ${JSON.stringify(name)} in ${inspection.directory}: inspect without --device lists all`;
  throw new WaypostError("ERR_STORE", why);
}

function withMessages(
  receiver: InspectedDevice | InspectedSharedSubscription | InspectedQueue | InspectedBridge,
  receiverTable: string,
  messages: InspectedMessage[],
  { json, payload }: InspectOptions,
  now: number,
): string {
  if (json) {
    const list = payload ? messages : messages.map(({ payload: _, ...rest }) => rest);
    return `${JSON.stringify({ at: new Date(now).toISOString(), ...receiver, list })}\n`;
  }
  const headings = ["topic", "QoS", "payload", "age", "sent", "retained"];
  const table = textTable(headings, messages.map(messageRow)).split("\n");
  if (payload) {
    // Below the row of its message: payloads have no width.
    for (const [index, message] of messages.entries()) table[index + 1] += `\n    ${payloadText(message.payload)}`;
  }
  return `${receiverTable}${messages.length > 0 ? `\n${table.join("\n")}` : ""}`;
}

const sharedHeadings = ["shared subscription", "waiting", "bytes", "oldest"];

function sharedRow({ name, messages, bytes, oldestAgeSeconds }: InspectedSharedSubscription): string[] {
  return [printable(name), String(messages), sizeText(bytes), ageText(oldestAgeSeconds)];
}

const queueHeadings = ["queue", "waiting", "bytes", "oldest", "paused", "created"];

function queueRow({ name, messages, bytes, oldestAgeSeconds, paused, created }: InspectedQueue): string[] {
  const flags = [paused, created].map((flag) => (flag ? "yes" : "no"));
  return [printable(name), String(messages), sizeText(bytes), ageText(oldestAgeSeconds), ...flags];
}

const bridgeHeadings = ["bridge", "waiting", "bytes", "oldest", "QoS 2 in", "QoS 2 out"];

function bridgeRow({
  name,
  messages,
  bytes,
  oldestAgeSeconds,
  unfinishedIn,
  unfinishedOut,
}: InspectedBridge): string[] {
  const counts = [unfinishedIn, unfinishedOut].map(String);
  return [printable(name), String(messages), sizeText(bytes), ageText(oldestAgeSeconds), ...counts];
}

function willRow({ device, topic, qos, retain, payloadBytes, delaySeconds, dueAt }: InspectedWill): string[] {
  const flags = [retain ? "yes" : "no", sizeText(payloadBytes), ageText(delaySeconds)];
  return [printable(device), printable(topic), String(qos), ...flags, dueAt ?? "no"];
}

function segmentRow(segment: InspectedSegment): string[] {
  const { name, bytes, commits, liveEntries, liveBytes, tornBytes, damagedPlaces } = segment;
  const verdict = damagedPlaces > 0 ? "damaged" : tornBytes > 0 ? "torn end" : "whole";
  return [name, sizeText(bytes), String(commits), String(liveEntries), sizeText(liveBytes), verdict];
}

const deviceHeadings = ["device", "waiting", "bytes", "oldest", "away", "subscriptions", "QoS 2 in", "QoS 2 out"];

function deviceRow(device: InspectedDevice, now: number): string[] {
  const { messages, bytes, oldestAgeSeconds, awaySince, subscriptions, unfinishedIn, unfinishedOut } = device;
  const away = awaySince === null ? "no" : ageText(Math.max(0, (now - Date.parse(awaySince)) / 1000));
  const counts = [subscriptions, unfinishedIn, unfinishedOut].map(String);
  return [printable(device.device), String(messages), sizeText(bytes), ageText(oldestAgeSeconds), away, ...counts];
}

function messageRow({ topic, qos, payloadBytes, ageSeconds, sent, retain }: InspectedMessage): string[] {
  const flags = [sent, retain].map((flag) => (flag ? "yes" : "no"));
  return [printable(topic), String(qos), sizeText(payloadBytes), ageText(ageSeconds), ...flags];
}
