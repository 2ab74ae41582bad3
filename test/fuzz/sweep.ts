import { wirePacket } from "../support/client-packet.ts";
import { fuzzedIds, fuzzedTopics } from "./any-script.ts";
import { play } from "./play.ts";
import type { Script } from "./script.ts";

/** Ends the sessions of all fuzzed clients and removes what they retained, so that memory can be compared. */
export async function sweep(port: number): Promise<string[]> {
  const rest = { payload: Buffer.alloc(0), qos: 0, retain: true, dup: false, packetId: 0, properties: [] } as const;
  const clear = fuzzedTopics.map((topic) => wirePacket({ kind: "publish", topic, ...rest, properties: [] }, 4));
  const faults: string[] = [];
  for (const clientId of fuzzedIds) {
    const connect = wirePacket({ kind: "connect", clean: true, clientId, keepAliveSeconds: 0, properties: [] }, 4);
    const bytes = Buffer.concat([connect, ...clear, wirePacket({ kind: "disconnect" }, 4)]);
    const played = await play({ ...sweeping, steps: [{ hex: bytes.toString("hex"), cuts: [70_000], turns: 0 }] }, port);
    faults.push(...played.faults.map((fault) => `after the run, the gateway ${fault}`));
  }
  return faults;
}

const sweeping: Omit<Script, "steps"> = {
  kind: "sweep",
  version: 4,
  manners: "polite",
  ending: "ping",
  isConnected: true,
  mustClose: false,
  receiveMaximum: 65_535,
  maximumPacketSize: 0xffffffff,
  topicAliasMaximum: 0,
  isOrderly: false,
};
