import { mkdtemp } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { WaypostError } from "../src/waypost-error.ts";
import type { BrokerKind } from "./brokers.ts";
import type { Child, ChildProcesses } from "./child-processes.ts";

const startTimeoutMs = 15_000;

export interface RunningBroker {
  port: number;
  pid: number;
  child: Child;
}

/**
 * Starts a broker on a free loopback port, in an empty folder of its own under `folder`; resolves once it accepts.
 * @throws WaypostError ERR_UPSTREAM when it exits first, or does not accept within 15 s
 */
export async function startBroker(kind: BrokerKind, children: ChildProcesses, folder: string): Promise<RunningBroker> {
  const port = await freePort();
  const home = await mkdtemp(join(folder, `${kind.name}-`));
  const { command, args } = kind.command(port, home);
  const child = children.start(command, args, { cwd: home });
  const deadline = Date.now() + startTimeoutMs;
  while (!(await accepts(port))) {
    if (child.exited()) {
      throw new WaypostError("ERR_UPSTREAM", `${kind.name} exited instead of listening: ${child.lastWords()}`);
    }
    if (Date.now() > deadline) {
      await child.stop();
      throw new WaypostError("ERR_UPSTREAM", `${kind.name} did not listen on port ${port} within 15 s`);
    }
    await delay(20);
  }
  return { port, pid: child.process.pid!, child };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => socket.destroy());
    socket.on("error", () => {}); // refused: not up yet; "close" follows
    socket.on("close", (failed) => resolve(!failed));
  });
}
