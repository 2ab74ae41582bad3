import {
  type InspectedDevice,
  type InspectedMessage,
  inspectStore,
  messagesFor,
  type StoreInspection,
} from "../store/inspect-store.ts";
import { readStore, type StoredState } from "../store/read-store.ts";
import { WaypostError } from "../waypost-error.ts";
import { ageText } from "./age-text.ts";
import type { CommandContext } from "./command-context.ts";
import { exitCodes } from "./exit-code.ts";
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
      : ofDevice(deviceIn(inspection, options.device), state, options, now());
  context.stdout.write(text);
  const damaged = inspection.segments.filter(({ damagedPlaces }) => damagedPlaces > 0).map(({ name }) => name);
  if (damaged.length > 0) {
    const text = `warning: ${damaged.join(", ")} damaged, so that something may be missing here: see waypost store verify\n`;
    context.stderr.write(text);
  }
  return exitCodes.ok;
}

function deviceIn({ devices, directory }: StoreInspection, id: string): InspectedDevice {
  const found = devices.find(({ device }) => device === id);
  if (found !== undefined) return found;
  throw new WaypostError(
    "ERR_STORE",
    `no device ${JSON.stringify(id)} in ${directory}: inspect without --device lists all`,
  );
}

function ofStore(inspection: StoreInspection, { json }: InspectOptions, now: number): string {
  if (json) return `${JSON.stringify({ at: new Date(now).toISOString(), ...inspection })}\n`;
  const { directory, totals, devices, wills, segments } = inspection;
  const { messages, bytes, oldestAgeSeconds, retained, retainedBytes } = totals;
  const oldest = oldestAgeSeconds === null ? "" : `, the oldest for ${ageText(oldestAgeSeconds)}`;
  const parts = [
    `store ${directory}\n` +
      `  ${totals.devices} devices with ${totals.subscriptions} subscriptions\n` +
      `  ${messages} messages waiting, ${sizeText(bytes)}${oldest}; one for several devices is counted once\n` +
      `  ${retained} retained messages, ${sizeText(retainedBytes)}\n` +
      `  ${totals.wills} wills of connected devices\n` +
      `  ${segments.length} segments, ${sizeText(totals.bytesOnDisk)} on the disk\n`,
  ];
  if (devices.length > 0)
    parts.push(
      textTable(
        deviceHeadings,
        devices.map((device) => deviceRow(device, now)),
      ),
    );
  if (wills.length > 0) {
    const rows = wills.map(({ device, topic, qos, retain, payloadBytes }) => [
      printable(device),
      printable(topic),
      String(qos),
      retain ? "yes" : "no",
      sizeText(payloadBytes),
    ]);
    parts.push(textTable(["will of", "topic", "QoS", "retained", "payload"], rows));
  }
  if (segments.length > 0) {
    const rows = segments.map(({ name, bytes: size, commits, liveEntries, liveBytes, tornBytes, damagedPlaces }) => [
      name,
      sizeText(size),
      String(commits),
      String(liveEntries),
      sizeText(liveBytes),
      damagedPlaces > 0 ? "damaged" : tornBytes > 0 ? "torn end" : "whole",
    ]);
    parts.push(textTable(["segment", "size", "commits", "entries that count", "their size", "is"], rows));
  }
  return parts.join("\n");
}

function ofDevice(device: InspectedDevice, state: StoredState, { json, payload }: InspectOptions, now: number): string {
  const messages = messagesFor(state, device.device, now);
  if (json) {
    const list = payload ? messages : messages.map(({ payload: _, ...rest }) => rest);
    return `${JSON.stringify({ at: new Date(now).toISOString(), ...device, list })}\n`;
  }
  const headings = ["topic", "QoS", "payload", "age", "sent", "retained"];
  const table = textTable(headings, messages.map(messageRow)).split("\n");
  if (payload) {
    // Below the row of its message: payloads have no width.
    for (const [index, message] of messages.entries()) table[index + 1] += `\n    ${payloadText(message)}`;
  }
  return `${textTable(deviceHeadings, [deviceRow(device, now)])}${messages.length > 0 ? `\n${table.join("\n")}` : ""}`;
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

function payloadText({ payload }: InspectedMessage): string {
  const bytes = Buffer.from(payload, "base64");
  const text = bytes.toString();
  return Buffer.from(text).equals(bytes) ? printable(text) : `base64 ${payload}`;
}
