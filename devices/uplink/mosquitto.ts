import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { FleetError } from "../fleet-error.ts";
import { freePort } from "../free-port.ts";
import type { Random } from "../random.ts";
import { within } from "../within.ts";
import { inFlightMax } from "./bridge-plan.ts";
import type { Cloud } from "./cloud.ts";

// Debian keeps it where users other than root do not look.
const programs = ["mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
const startMsMax = 10_000;
const stopMsMax = 5_000;
const linesMax = 10;

/** Where Mosquitto is, and which; undefined if it is not installed. */
export function findMosquitto(): { program: string; version: string } | undefined {
  for (const program of programs) {
    const { stdout = "" } = spawnSync(program, ["-h"], { encoding: "utf8" });
    const version = /mosquitto version (\S+)/.exec(stdout ?? "")?.[1];
    if (version !== undefined) return { program, version };
  }
  return undefined;
}

/** Starts a Mosquitto that never refuses to keep a message. @throws FleetError ERR_CLOUD_START */
export async function startMosquitto(program: string, version: string, random: Random): Promise<Cloud> {
  const directory = await mkdtemp(join(tmpdir(), "waypost-cloud-"));
  const port = await freePort(random);
  const file = join(directory, "mosquitto.conf");
  await writeFile(file, configuration(port, directory));
  const child = spawn(program, ["-c", file], { stdio: ["ignore", "ignore", "pipe"], detached: true });
  const lines: string[] = [];
  const exited = endOf(child);
  const running = new Promise<void>((resolve) => {
    createInterface({ input: child.stderr! }).on("line", (line) => {
      lines.push(line);
      if (lines.length > linesMax) lines.shift();
      if (/mosquitto version \S+ running/.test(line)) resolve();
    });
  });
  const stop = async () => {
    child.kill("SIGTERM");
    try {
      await within(stopMsMax, "the end of Mosquitto", exited);
    } catch {
      child.kill("SIGKILL");
      await exited;
    }
    await rm(directory, { recursive: true, force: true });
    return undefined;
  };
  try {
    const ended = exited.then((how) => {
      throw new FleetError("ERR_CLOUD_START", `it ended with ${how}`);
    });
    await within(startMsMax, `its "running"`, Promise.race([running, ended]));
  } catch (error) {
    await stop();
    const text = error instanceof Error ? error.message : String(error);
    const hints = lines.map((line) => `\n  ${line}`).join("");
    throw new FleetError("ERR_CLOUD_START", `Mosquitto did not start: ${text}${hints}`, { cause: error });
  }
  const url = `mqtt://127.0.0.1:${port}`;
  return { name: `Mosquitto ${version}`, gateway: { url, wsUrl: url }, host: "127.0.0.1", port, stop };
}

function configuration(port: number, directory: string): string {
  return [
    `listener ${port} 127.0.0.1`,
    "allow_anonymous true",
    // Without effect unless root starts it; another user could not write there.
    "user root",
    "persistence true",
    `persistence_location ${directory}/`,
    `max_inflight_messages ${inFlightMax}`,
    "max_queued_messages 0",
    "max_queued_bytes 0",
    "set_tcp_nodelay true",
    "log_dest stderr",
    "log_type error",
    "log_type warning",
    "log_type information",
    "",
  ].join("\n");
}

function endOf(child: ChildProcess): Promise<string> {
  const exited = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  // Also when the fleet ends by an exception or an impatient second Ctrl-C.
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  void exited.then(() => process.removeListener("exit", kill));
  return exited;
}
