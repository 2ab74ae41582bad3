import type { Packet } from "mqtt-packet";
import type { RawClient } from "./raw-client.ts";

/** The packet ids of the packets of one kind that have come and were not taken, in their order. */
export function packetIds(client: RawClient, cmd: Packet["cmd"]): (number | undefined)[] {
  return client.packets.filter((packet) => packet.cmd === cmd).map(({ messageId }) => messageId);
}
