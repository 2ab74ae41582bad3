import type { Socket } from "node:net";
import type { MqttClient } from "mqtt";
import { farewellMsMax } from "./end-client.ts";
import { within } from "./within.ts";

/** How a device goes away: with DISCONNECT, or as by a dead battery by FIN, or abruptly by RST. */
export type Departure = "disconnect" | "cut" | "reset";

const disconnectPacket = Buffer.from([0xe0, 0x00]);

/** Ends a client's connection, which it may take up again. Fulfilled when it has ended. */
export function depart(client: MqttClient, departure: Departure): Promise<void> {
  const ended = new Promise<void>((resolve) => client.once("close", resolve));
  const stream = client.stream as MqttClient["stream"] & Partial<Socket>;
  if (departure === "disconnect") {
    // Not by MQTT.js, which waits for all acknowledgements before it says DISCONNECT.
    stream.end(disconnectPacket);
    // A gateway that does not close its side is left with a closed one.
    void within(farewellMsMax, "the end", ended).catch(() => stream.destroy());
  } else if (departure === "reset" && stream.resetAndDestroy !== undefined) stream.resetAndDestroy();
  else stream.destroy();
  return ended;
}
