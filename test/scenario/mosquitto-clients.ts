import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { type EventEmitter, once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { onTestFinished } from "vitest";
import type { RunningGateway } from "../support/start-gateway.ts";

/** Whether Debian's mosquitto-clients are installed. */
export const hasMosquitto = ["mosquitto_pub", "mosquitto_sub", "mosquitto_rr"].every(
  (program) => spawnSync(program, ["--help"]).error === undefined,
);

type Program = "mosquitto_pub" | "mosquitto_sub" | "mosquitto_rr";
type Version = "mqttv31" | "mqttv311" | "mqttv5";

/** How a program ended. */
export interface Ended {
  /** 0, 27 for its own time limit, or what the gateway refused it with; null after a signal. */
  code: number | null;
  lines: string[];
  stderr: string;
}

/** One of Mosquitto's programs while it runs. */
export class MosquittoProcess {
  readonly ended: Promise<Ended>;
  /** What it has printed. Its output comes with the first message and with each one after: not before. */
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #output: Interface;

  constructor(program: Program, args: readonly string[]) {
    this.#child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#output = createInterface({ input: this.#child.stdout! });
    this.#output.on("line", (line) => this.lines.push(line));
    let stderr = "";
    this.#child.stderr!.setEncoding("utf8").on("data", (text) => {
      stderr += text;
    });
    this.ended = Promise.all([once(this.#child, "close"), once(this.#output, "close")]).then(([[code]]) => {
      return { code, lines: this.lines, stderr };
    });
    onTestFinished(() => this.kill());
  }

  /** Resolves when it has printed so many lines. */
  async printed(count: number): Promise<void> {
    while (this.lines.length < count) await once(this.#output, "line");
  }

  /** Stops it where it is: it reads and answers nothing any more, while its connection stays open. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  /** Sends SIGKILL: the gateway sees the connection end without a DISCONNECT. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

/** The gateway that Mosquitto's programs talk to; `gateway` where it runs in this process. */
type Place = Pick<RunningGateway, "port"> & Partial<Pick<RunningGateway, "gateway">>;

/** Mosquitto's programs, in one version of MQTT. */
export class Mosquitto {
  readonly #broker: RunningGateway["gateway"]["broker"] | undefined;
  readonly #common: readonly string[];

  constructor({ port, gateway }: Place, version: Version = "mqttv5", more: readonly string[] = []) {
    this.#broker = gateway?.broker;
    this.#common = ["-h", "127.0.0.1", "-p", `${port}`, "-V", version, ...more];
  }

  start(program: Program, ...args: string[]): MosquittoProcess {
    const limit = program === "mosquitto_pub" ? [] : ["-W", "30"];
    return new MosquittoProcess(program, [...this.#common, ...limit, ...args]);
  }

  /** Runs until it has ended by itself and the gateway has noticed. */
  async run(program: Program, ...args: string[]): Promise<Ended> {
    const ended = await this.start(program, ...args).ended;
    const id = args.includes("-i") ? args[args.indexOf("-i") + 1] : undefined;
    while (id !== undefined && this.#broker?.clients[id] !== undefined) await once(this.#broker, "clientDisconnect");
    return ended;
  }

  publish(...args: string[]): Promise<Ended> {
    return this.run("mosquitto_pub", ...args);
  }

  /** Ends with -C or -E. */
  subscribe(...args: string[]): Promise<Ended> {
    return this.run("mosquitto_sub", ...args);
  }

  /** Resolves when the gateway has accepted the subscription; it must run in this process. */
  async subscribed(...args: string[]): Promise<MosquittoProcess> {
    const subscriber = this.start("mosquitto_sub", ...args);
    await Promise.race([once(this.#broker as EventEmitter, "subscribe"), subscriber.ended]);
    return subscriber;
  }
}

/** The words of a -D for each property, such as `properties("publish", ["user-property", "a", "1"])`. */
export function properties(packet: string, ...each: [name: string, ...values: string[]][]): string[] {
  return each.flatMap((words) => ["-D", packet, ...words]);
}
