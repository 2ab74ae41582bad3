import type { EdgeBroker } from "../broker/edge-broker.ts";
import { reasonCodeOf } from "../protocol/reason-code.ts";
import type { WaypostError } from "../waypost-error.ts";

/** Who is answered. */
interface Peer {
  readonly version: number;
  readonly broker: EdgeBroker;
  sendControlPacket(packet: object): void;
}

/**
 * Sends CONNACK; returns it as it was sent, for those who listen to `connackSent`.
 * @throws ERR_PACKET_TOO_LARGE where the client does not take it
 */
export function sendConnack(
  peer: Peer,
  returnCode: number,
  code: number,
  sessionPresent: boolean,
  properties: object,
): object {
  const common = { cmd: "connack" as const, sessionPresent, returnCode };
  const packet = peer.version === 5 ? { ...common, reasonCode: code, properties } : common;
  peer.sendControlPacket(packet);
  return packet;
}

/** Sends a CONNACK that says why the client is not let in. */
export function refuseConnect(peer: Peer, returnCode: number, error: WaypostError): void {
  try {
    const connack = sendConnack(peer, returnCode, reasonCodeOf(error), false, { reasonString: error.message });
    peer.broker.emit("connackSent", connack as never, peer as never);
  } catch {
    // The client takes no packet of that size: the connection is closed all the same.
  }
}

/** Sends a DISCONNECT [MQTT-3.14.0-1] [MQTT-4.13.2-1]. */
export function sayWhy(peer: Peer, code: number, why?: string): void {
  const properties = why === undefined ? {} : { reasonString: why };
  try {
    peer.sendControlPacket({ cmd: "disconnect", reasonCode: code, properties });
  } catch {
    // As above.
  }
}

/** Whether nothing is owed to a stranger: what came is no CONNECT, or not a whole one. */
export function isSilent({ code }: WaypostError): boolean {
  return code === "ERR_CONNECT_TIMEOUT" || code === "ERR_CLOSED";
}
