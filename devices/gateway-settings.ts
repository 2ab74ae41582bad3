import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import type { DevicesOptions } from "./options.ts";
import { createRandom } from "./random.ts";
import { type Destinations, settingsOf } from "./scenario/destinations.ts";

/** What a gateway of this run's own is started with, as its `--set` takes it. */
export type GatewaySettings = { settings: string[]; storeDirectory: string | undefined };

/** More than a sleeper can miss: the scenarios are about what waits, not about what a full mailbox does. */
const mailboxMessagesMax = 100_000;

/**
 * Makes a folder for the store of a gateway that will be killed or has a bridge, whose settings are `bridge`; it is the
 * caller's to remove.
 */
export async function gatewaySettings(
  { kills }: Pick<DevicesOptions, "kills">,
  destinations: Destinations,
  run: string,
  bridge: readonly string[] = [],
): Promise<GatewaySettings> {
  const common = ["log.level=info", `mailboxes.messagesMax=${mailboxMessagesMax}`];
  const settings = [...common, ...settingsOf(destinations), ...bridge];
  // What waits for a line is a matter of the disk also where nobody is killed.
  if (kills === 0 && bridge.length === 0) {
    settings.push("listeners.mqtt.port=0", "listeners.web.port=0");
    return { settings, storeDirectory: undefined };
  }
  // By the run and not by its seed: runs of the same seed at the same time must not meet.
  const random = createRandom(0, run);
  const storeDirectory = await mkdtemp(join(tmpdir(), "waypost-devices-"));
  settings.push("store.engine=nedb", `store.directory=${storeDirectory}`, "store.durability=synced");
  for (const listener of ["mqtt", "web"]) settings.push(`listeners.${listener}.port=${await freePort(random)}`);
  return { settings, storeDirectory };
}
