import type { IConnackPacket } from "mqtt";
import { FleetError } from "./fleet-error.ts";

export type Expected = {
  name: string;
  /** It comes back to a session that it has kept. */
  isReturn: boolean;
  /** It did not ask for a clean session. */
  mayResume: boolean;
  /** It asked for response information; the one before, if there was one. */
  asks: boolean;
  replyPrefix: string | undefined;
};

/**
 * What is wrong with a CONNACK, in words, and the topic below which answers to the device may come.
 * @throws FleetError ERR_NOT_OFFERED
 */
export function readWelcome(
  { sessionPresent, properties }: IConnackPacket,
  { name, isReturn, mayResume, asks, replyPrefix }: Expected,
): { faults: string[]; replyPrefix: string | undefined } {
  const faults: string[] = [];
  if (sessionPresent && !mayResume) faults.push("a session was there after a clean start"); // [MQTT-3.2.2-2]
  if (!sessionPresent && mayResume && isReturn) faults.push("a persistent session was gone on return");
  if (!asks) return { faults, replyPrefix: undefined };
  const prefix = properties?.responseInformation;
  if (prefix === undefined) {
    const text = `${name} asked for response information, and CONNACK has none: the gateway has no request and response`;
    throw new FleetError("ERR_NOT_OFFERED", text);
  }
  if (isReturn && prefix !== replyPrefix) faults.push("response information changed on return");
  return { faults, replyPrefix: prefix };
}
