import type { Packet } from "mqtt";
import { WaypostError, type WaypostErrorCode } from "../waypost-error.ts";
import { type ReasonDetails, reasonWords } from "./reason-words.ts";

const codes: ReadonlyMap<number, WaypostErrorCode> = new Map([
  [0x87, "ERR_NOT_AUTHORIZED"],
  [0x90, "ERR_TOPIC_INVALID"],
  [0x95, "ERR_PACKET_TOO_LARGE"],
  [0x97, "ERR_LIMIT_EXCEEDED"],
]);

/** What MQTT.js says when a message was not published: `packet` is the gateway's answer, if it was that. */
export function refusal(
  error: Error & { code?: unknown },
  packet: Packet | undefined,
  { place, topic }: { place: string; topic: string },
): WaypostError {
  const options = { cause: error };
  const what = `the message to ${JSON.stringify(topic)}`;
  if (typeof error.code !== "number") {
    const alias = /Topic Alias out of range/.test(error.message) ? ": the gateway takes no such topic alias" : "";
    return new WaypostError("ERR_UPSTREAM", `${what} was not sent${alias || `: ${error.message}`}`, options);
  }
  const details = (packet as { properties?: ReasonDetails } | undefined)?.properties;
  const text = `${place} refused ${what}: ${reasonWords(error.code, details)}`;
  return new WaypostError(codes.get(error.code) ?? "ERR_UPSTREAM", text, options);
}
