import { connect, type Socket } from "node:net";
import mqttPacket, { type Packet } from "mqtt-packet";
import { cutAnywhere } from "../support/cut-anywhere.ts";
import { PeerView } from "./peer-view.ts";
import type { Script, Step } from "./script.ts";

/** How a connection came to its end. */
export interface Played {
  closedBy: "gateway" | "client" | "nobody";
  reasonCode: number | undefined;
  faults: string[];
}

/** How long the gateway may take to close a connection that it has to close. Generous: the machine may be slow. */
const CLOSE_MS_MAX = 20_000;
/** How long an answer to PINGREQ is waited for before the client leaves: there may be none after damaged bytes. */
const PONG_MS_MAX = 200;

/** Does on a connection of its own what the script says; `cancel` ends it early. */
export async function play(script: Script, port: number, cancel?: AbortSignal): Promise<Played> {
  return new Player(script, port, cancel).run();
}

class Player {
  readonly #script: Script;
  readonly #socket: Socket;
  readonly #view: PeerView;
  readonly #closed: Promise<void>;
  #isClosed = false;
  #isOurs = false;
  #woken = () => {};

  constructor(script: Script, port: number, cancel?: AbortSignal) {
    this.#script = script;
    this.#socket = connect({ host: "127.0.0.1", port, noDelay: true });
    this.#view = new PeerView(script, (packet) => this.#answer(packet));
    this.#socket.on("data", (chunk) => {
      this.#view.arrived(chunk);
      this.#woken();
    });
    this.#socket.on("error", () => {}); // `close` follows, and is what counts
    this.#closed = new Promise((resolve) => {
      this.#socket.once("close", () => {
        this.#isClosed = true;
        this.#woken();
        resolve();
      });
    });
    const destroy = () => this.#socket.destroy();
    cancel?.addEventListener("abort", destroy, { once: true });
    this.#socket.once("close", () => cancel?.removeEventListener("abort", destroy));
  }

  async run(): Promise<Played> {
    if (this.#script.manners === "deaf") this.#socket.pause();
    for (const step of this.#script.steps) if (!this.#isClosed) await this.#send(step);
    this.#socket.resume();
    const closedBy = this.#isClosed ? "gateway" : await this.#end();
    this.#socket.destroy();
    return { closedBy, reasonCode: this.#view.reasonCode, faults: this.#view.faults };
  }

  async #send({ hex, cuts, turns }: Step): Promise<void> {
    const pieces = cutAnywhere(Buffer.from(hex, "hex"), cuts);
    for (const [i, piece] of pieces.entries()) {
      if (this.#isClosed) return;
      this.#socket.write(piece);
      if (i > 0 && i < 50) await turn();
    }
    for (let i = 0; i < turns && !this.#isClosed; i++) await turn();
  }

  async #end(): Promise<Played["closedBy"]> {
    const { ending, mustClose, isConnected } = this.#script;
    if (ending === "reset") {
      this.#isOurs = true;
      this.#socket.resetAndDestroy();
      await this.#closed;
      return "client";
    }
    if (ending === "ping") await this.#ping();
    if (ending === "silence" && mustClose) {
      if (await this.#closes(CLOSE_MS_MAX)) return "gateway";
      this.#view.faults.push(`did not close a connection that was silent${isConnected ? "" : " without CONNECT"}`);
    }
    if (this.#isClosed) return "gateway";
    this.#isOurs = true;
    this.#socket.end();
    if (await this.#closes(CLOSE_MS_MAX)) return "client";
    this.#view.faults.push("kept a connection open that the client had ended");
    return "nobody";
  }

  async #ping(): Promise<void> {
    const { pongs } = this.#view;
    this.#socket.write(Buffer.from([0xc0, 0]));
    let isLate = false;
    const timeout = setTimeout(() => {
      isLate = true;
      this.#woken();
    }, PONG_MS_MAX);
    while (!this.#isClosed && this.#view.pongs === pongs && !isLate) {
      await new Promise<void>((resolve) => {
        this.#woken = resolve;
      });
    }
    clearTimeout(timeout);
  }

  /** Whether it is closed within so many milliseconds. */
  async #closes(ms: number): Promise<boolean> {
    let timeout: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timeout = setTimeout(resolve, ms);
    });
    await Promise.race([this.#closed, late]);
    clearTimeout(timeout);
    return this.#isClosed;
  }

  /** Answers a packet of the gateway as the script's manners are. */
  #answer(packet: Packet): void {
    const { manners } = this.#script;
    if (manners === "mute" || manners === "deaf" || this.#isOurs) return;
    const { messageId } = packet;
    if (messageId === undefined) return;
    if (packet.cmd === "publish" && packet.qos === 1) this.#acknowledge("puback", messageId);
    if (packet.cmd === "publish" && packet.qos === 2) {
      this.#acknowledge("pubrec", messageId);
      if (manners === "hasty") this.#acknowledge("pubcomp", messageId);
    }
    if (packet.cmd === "pubrec") this.#acknowledge("pubrel", messageId);
    if (packet.cmd === "pubrel") this.#acknowledge("pubcomp", messageId);
  }

  #acknowledge(cmd: "puback" | "pubrec" | "pubrel" | "pubcomp", messageId: number): void {
    const { manners, version } = this.#script;
    const refuses = manners === "refusing" && version === 5 && (cmd === "puback" || cmd === "pubrec");
    const packet = { cmd, messageId, ...(refuses ? { reasonCode: 0x80 } : {}) } as Packet;
    const bytes = mqttPacket.generate(packet, { protocolVersion: version } as never);
    if (cmd === "puback" || cmd === "pubcomp" || refuses) this.#view.settled(messageId);
    this.#socket.write(bytes);
    if (manners === "hasty") this.#socket.write(bytes);
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
