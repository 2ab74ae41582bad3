import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { WaypostError } from "../src/waypost-error.ts";
import type { BrokerKind } from "./brokers.ts";
import type { Child, ChildProcesses } from "./child-processes.ts";
import { MqttClient } from "./mqtt-client.ts";
import { type Storing, storeFolderName } from "./storing.ts";

const startTimeoutMs = 15_000;

/** A broker and the place that it keeps when its process is started anew. */
export interface RunningBroker {
  kind: BrokerKind;
  port: number;
  /** A folder of its own: its working directory, and where it keeps things. */
  home: string;
  storeFolder: string;
  storing: Storing | undefined;
  child: Child;
  pid: number;
}

/**
 * Starts a broker, in an empty folder of its own under `folder`; resolves once it accepts.
 * @param port - on the loopback interface; undefined: any that is free
 * @throws WaypostError ERR_UPSTREAM when it exits first, or does not accept within 15 s
 */
export async function startBroker(
  kind: BrokerKind,
  children: ChildProcesses,
  folder: string,
  storing?: Storing,
  port?: number,
): Promise<RunningBroker> {
  port ??= await freePort();
  const home = await mkdtemp(join(folder, `${kind.name}-`));
  const place = { kind, port, home, storeFolder: join(home, storeFolderName), storing };
  const child = launch(place, children);
  await until(place, child, 20, () => accepts(port));
  return { ...place, child, pid: child.process.pid! };
}

/**
 * Starts a broker that has been killed in the place that it left, and resolves once it serves.
 * `readyMs` is from the start of its process to its CONNACK.
 * @throws WaypostError ERR_UPSTREAM when it exits first, or does not serve within 15 s
 */
export async function restartBroker(
  killed: RunningBroker,
  children: ChildProcesses,
): Promise<{ broker: RunningBroker; readyMs: number }> {
  const started = performance.now();
  const child = launch(killed, children);
  await until(killed, child, 5, () => serves(killed.port));
  const readyMs = performance.now() - started;
  return { broker: { ...killed, child, pid: child.process.pid! }, readyMs };
}

/** Stops it and removes all that it kept. */
export async function stopBroker({ child, home }: RunningBroker): Promise<void> {
  await child.stop();
  await rm(home, { recursive: true, force: true });
}

type Place = Omit<RunningBroker, "child" | "pid">;

function launch({ kind, port, home, storing }: Place, children: ChildProcesses): Child {
  const { command, args } = kind.command(port, home, storing);
  return children.start(command, args, { cwd: home });
}

async function until(place: Place, child: Child, everyMs: number, ready: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  while (!(await ready())) {
    const { name } = place.kind;
    if (child.exited()) {
      throw new WaypostError("ERR_UPSTREAM", `${name} exited instead of listening: ${child.lastWords()}`);
    }
    if (Date.now() > deadline) {
      await child.stop();
      throw new WaypostError("ERR_UPSTREAM", `${name} did not listen on port ${place.port} within 15 s`);
    }
    await delay(everyMs);
  }
}

/** A loopback port that nobody listens on. */
export async function freePort(): Promise<number> {
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

async function serves(port: number): Promise<boolean> {
  try {
    const client = await MqttClient.connect(port);
    await client.close();
    return true;
  } catch (error) {
    if (error instanceof WaypostError) return false; // not up yet
    throw error;
  }
}
