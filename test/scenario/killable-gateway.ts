import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { freePort } from "../../devices/free-port.ts";
import { GatewayProcess } from "../../devices/gateway-process.ts";
import { createRandom } from "../../devices/random.ts";
import { bundleGateway } from "../devices/bundle-gateway.ts";

/** A gateway in a process of its own, with one directory and the same ports however often it is started. */
export interface KillableGateway {
  port: number;
  webPort: number;
  /** Resolves when it is ready. */
  start: () => Promise<GatewayProcess>;
}

/** Prepares such a gateway for one test. */
export async function killableGateway(): Promise<KillableGateway> {
  const main = await bundleGateway();
  const directory = await mkdtemp(join(tmpdir(), "waypost-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const random = createRandom(Date.now(), "killable");
  const port = await freePort(random);
  const webPort = await freePort(random);
  const settings = [
    `listeners.mqtt.port=${port}`,
    `listeners.web.port=${webPort}`,
    `store.directory=${directory}`,
    "mailboxes.messagesMax=1000000",
  ];
  const start = async () => {
    const running = GatewayProcess.launch(main, settings);
    onTestFinished(() => void running.kill());
    await running.ready();
    return running;
  };
  return { port, webPort, start };
}
