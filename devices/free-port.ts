import { once } from "node:events";
import { createServer } from "node:net";
import { FleetError } from "./fleet-error.ts";
import type { Random } from "./random.ts";

// Below the ports that systems take for outgoing connections: while the gateway is down, one of those could take its
// port, and a device that tries to connect to a closed port among them can end up connected to itself.
const portMin = 10_240;
const portMax = 32_000;
const attemptsMax = 100;

/**
 * A port of 127.0.0.1 where nobody listens, that stays free for a gateway to come back to.
 * @throws FleetError ERR_GATEWAY_START
 */
export async function freePort(random: Random): Promise<number> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const port = random.whole(portMin, portMax);
    if (await isFree(port)) return port;
  }
  const text = `no free port among ${attemptsMax} tried from ${portMin} to ${portMax}; stop what listens there`;
  throw new FleetError("ERR_GATEWAY_START", text);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
