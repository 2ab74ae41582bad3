import type { MessageDocument } from "./documents.ts";
import { OVERHEAD_BYTES } from "./message.ts";
import type { StoredState } from "./read-store.ts";
import type { RecoveredMessage } from "./recovered-message.ts";
import type { Segment } from "./segment.ts";

/** One device, and what waits for it. Bytes are those that count against the limits of mailboxes and store. */
export interface InspectedDevice {
  device: string;
  messages: number;
  bytes: number;
  /** Null where nothing waits. */
  oldestAgeSeconds: number | null;
  /** ISO time; null where the device was connected. */
  awaySince: string | null;
  subscriptions: number;
  /** QoS 2 messages from the device whose PUBREL has not come. */
  unfinishedIn: number;
  /** QoS 2 messages to the device that were sent and are not complete. */
  unfinishedOut: number;
}

export interface InspectedMessage {
  topic: string;
  qos: 1 | 2;
  payloadBytes: number;
  ageSeconds: number | null;
  sent: boolean;
  retain: boolean;
  /** Base64. */
  payload: string;
}

export interface InspectedSegment {
  name: string;
  bytes: number;
  commits: number;
  /** Entries whose latest version is here, and the bytes of their lines. */
  liveEntries: number;
  liveBytes: number;
  tornBytes: number;
  damagedPlaces: number;
}

export interface StoreInspection {
  directory: string;
  totals: {
    devices: number;
    subscriptions: number;
    /** Each counted once, however many devices wait for it. */
    messages: number;
    bytes: number;
    oldestAgeSeconds: number | null;
    retained: number;
    retainedBytes: number;
    wills: number;
    bytesOnDisk: number;
  };
  /** Those with the most messages first. */
  devices: InspectedDevice[];
  wills: { device: string; topic: string; qos: 0 | 1 | 2; retain: boolean; payloadBytes: number }[];
  segments: InspectedSegment[];
}

/** What a store holds; `now` in milliseconds since the Unix epoch. */
export function inspectStore(state: StoredState, now: number): StoreInspection {
  const devices = new Map<string, InspectedDevice>();
  const totals = { messages: 0, bytes: 0, subscriptions: 0, retained: 0, retainedBytes: 0 };
  const wills: StoreInspection["wills"] = [];
  for (const { document } of state.state.values()) {
    switch (document.k) {
      case "session":
        deviceOf(devices, document.i).awaySince = document.away === 0 ? null : new Date(document.away).toISOString();
        break;
      case "subscription":
        deviceOf(devices, document.i).subscriptions++;
        totals.subscriptions++;
        break;
      case "receipt":
        deviceOf(devices, document.i).unfinishedIn++;
        break;
      case "released":
        deviceOf(devices, document.i).unfinishedOut++;
        break;
      case "retained":
        totals.retained++;
        totals.retainedBytes += document.t.length + payloadBytes(document);
        break;
      case "will": {
        const { i: device, t: topic, q: qos, r: retain } = document;
        wills.push({ device, topic, qos, retain, payloadBytes: payloadBytes(document) });
      }
    }
  }
  for (const message of state.messages) {
    totals.messages++;
    totals.bytes += bytesOf(message.document);
    countMessage(devices, message, now);
  }
  const segments = segmentsOf(state);
  const sorted = [...devices.values()].sort((a, b) => b.messages - a.messages || (a.device < b.device ? -1 : 1));
  return {
    directory: state.directory,
    totals: {
      devices: devices.size,
      ...totals,
      oldestAgeSeconds: sorted.reduce<number | null>((oldest, each) => older(oldest, each.oldestAgeSeconds), null),
      wills: wills.length,
      bytesOnDisk: segments.reduce((sum, { bytes }) => sum + bytes, 0),
    },
    devices: sorted,
    wills,
    segments,
  };
}

/** What waits for one device, in the order in which it will get it. */
export function messagesFor(state: StoredState, device: string, now: number): InspectedMessage[] {
  return state.messages.flatMap(({ document, receivers, sent }) => {
    const qos = receivers.get(device);
    if (qos === undefined) return [];
    const { t: topic, p: payload, r, at } = document;
    const message = { topic, qos, payloadBytes: payloadBytes(document), ageSeconds: ageSeconds(at, now), payload };
    return [{ ...message, sent: sent.has(device), retain: r === 1 }];
  });
}

function deviceOf(devices: Map<string, InspectedDevice>, device: string): InspectedDevice {
  let found = devices.get(device);
  if (found === undefined) {
    const nothing = { messages: 0, bytes: 0, oldestAgeSeconds: null, awaySince: null };
    found = { device, ...nothing, subscriptions: 0, unfinishedIn: 0, unfinishedOut: 0 };
    devices.set(device, found);
  }
  return found;
}

function countMessage(
  devices: Map<string, InspectedDevice>,
  { document, receivers, sent }: RecoveredMessage,
  now: number,
): void {
  const bytes = bytesOf(document);
  for (const [id, qos] of receivers) {
    const device = deviceOf(devices, id);
    device.messages++;
    device.bytes += bytes;
    device.oldestAgeSeconds = older(device.oldestAgeSeconds, ageSeconds(document.at, now));
    if (qos === 2 && sent.has(id)) device.unfinishedOut++;
  }
}

function segmentsOf({ segments, messages, state }: StoredState): InspectedSegment[] {
  const live = new Map<Segment, { entries: number; bytes: number }>();
  for (const { document, place } of [...messages, ...state.values()]) {
    const sum = live.get(place) ?? { entries: 0, bytes: 0 };
    sum.entries++;
    sum.bytes += Buffer.byteLength(JSON.stringify(document)) + 1;
    live.set(place, sum);
  }
  return segments.map(({ segment, commits, tornBytes, damage }) => {
    const { entries, bytes } = live.get(segment) ?? { entries: 0, bytes: 0 };
    const size = segment.bytes + tornBytes;
    const counts = { liveEntries: entries, liveBytes: bytes, tornBytes, damagedPlaces: damage.length };
    return { name: segment.name, bytes: size, commits, ...counts };
  });
}

function payloadBytes({ p }: { p: string }): number {
  return Buffer.byteLength(p, "base64");
}

function bytesOf(document: MessageDocument): number {
  return payloadBytes(document) + document.t.length + OVERHEAD_BYTES;
}

/** Null where nobody noted when it came. */
function ageSeconds(at: number, now: number): number | null {
  return at === 0 ? null : Math.max(0, Math.floor(now / 1000 - at));
}

function older(a: number | null, b: number | null): number | null {
  return a === null || (b !== null && b > a) ? b : a;
}
