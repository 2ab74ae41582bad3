import { FleetError } from "../fleet-error.ts";
import { OwnGateway } from "../own-gateway.ts";
import type { Random } from "../random.ts";
import type { Cloud, CloudKind } from "./cloud.ts";
import { findMosquitto, startMosquitto } from "./mosquitto.ts";

/** More than a receiver at the cloud can miss. */
const mailboxMessagesMax = 1_000_000;

/**
 * Starts Mosquitto where it is installed, or else a second gateway; or the one that is asked for.
 * @throws FleetError ERR_CLOUD_START, ERR_GATEWAY_START
 */
export async function startCloud(wanted: CloudKind | undefined, gatewayMain: string, random: Random): Promise<Cloud> {
  const found = wanted === "waypost" ? undefined : findMosquitto();
  if (found !== undefined) return startMosquitto(found.program, found.version, random);
  if (wanted === "mosquitto") {
    const text = "Mosquitto is not installed (Debian: apt install mosquitto); or choose --cloud waypost";
    throw new FleetError("ERR_CLOUD_START", text);
  }
  const own = new OwnGateway(gatewayMain, [
    "log.level=info",
    "store.engine=memory",
    "listeners.mqtt.port=0",
    "listeners.web.port=0",
    `mailboxes.messagesMax=${mailboxMessagesMax}`,
  ]);
  const gateway = await own.start();
  const { hostname, port } = new URL(gateway.url);
  return { name: "a second gateway", gateway, host: hostname, port: Number(port), stop: () => own.stop() };
}
