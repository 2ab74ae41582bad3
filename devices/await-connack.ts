import type { IConnackPacket, MqttClient } from "mqtt";
import { FleetError } from "./fleet-error.ts";
import { reasonOf } from "./reason-of.ts";
import { within } from "./within.ts";

/** Generous: a small gateway to which everybody connects at once. */
export const connackMsMax = 10_000;

/**
 * Waits until a client that is connecting is connected, and what it had to send again is acknowledged. When it throws,
 * the client has emitted its `close`, so that none comes late and is taken for one of the next stream.
 * @throws FleetError ERR_GATEWAY_UNREACHABLE
 */
export async function awaitConnack(client: MqttClient, what: string): Promise<IConnackPacket> {
  const closed = new Promise<void>((resolve) => client.once("close", resolve));
  const listening = new AbortController();
  const outcome = new Promise<IConnackPacket>((resolve, reject) => {
    const ended = () => reject(new FleetError("ERR_GATEWAY_UNREACHABLE", "it closed the connection"));
    client.once("connect", resolve);
    client.once("error", reject);
    client.once("close", ended);
    listening.signal.addEventListener("abort", () => {
      client.off("connect", resolve);
      client.off("error", reject);
      client.off("close", ended);
    });
  });
  try {
    const connack = await within(connackMsMax, "CONNACK", outcome);
    if (!client.connected) throw new FleetError("ERR_GATEWAY_UNREACHABLE", "it closed the connection at once");
    return connack;
  } catch (error) {
    client.stream.destroy();
    await closed;
    const text = `${what} (${reasonOf(error)})`;
    throw new FleetError("ERR_GATEWAY_UNREACHABLE", text, { cause: error });
  } finally {
    listening.abort();
  }
}
