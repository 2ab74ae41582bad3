import { connect, type Socket } from "node:net";
import { type Flow, Pump } from "./pump.ts";

/** How a line treats its connections, old and new. */
export type Treatment = { up: Flow; down: Flow };

export type Ended = {
  /** Since when the line has spoiled this connection; undefined if it never did. */
  spoiledSinceMs: number | undefined;
  /** The cloud has answered something. */
  hasCarried: boolean;
  /** Who ended it. */
  by: "gateway" | "cloud" | "line";
};

/** One connection of a gateway through the line to the cloud. */
export class Proxied {
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #up: Pump;
  readonly #down: Pump;
  #spoiledSinceMs: number | undefined;
  #by: Ended["by"] | undefined;
  /** One end lives on alone, whatever becomes of the line. */
  #isHalf = false;

  /** `ended` is called once, when the gateway's end has closed, and `gone` when both ends have. */
  constructor(
    near: Socket,
    cloud: { host: string; port: number },
    { ended, gone }: { ended: (ended: Ended) => void; gone: () => void },
  ) {
    this.#near = near;
    this.#far = connect({ ...cloud, noDelay: true, allowHalfOpen: true });
    this.#up = new Pump(near, this.#far);
    this.#down = new Pump(this.#far, near);
    near.setNoDelay(true);
    near.on("end", () => this.#endedBy("gateway"));
    near.on("error", () => this.#endedBy("gateway"));
    this.#far.on("end", () => this.#endedBy("cloud"));
    this.#far.on("error", () => this.#endedBy("cloud"));
    near.on("close", (hadError) => {
      this.#stop();
      if (!this.#isHalf) close(this.#far, hadError);
      this.#endedBy("gateway");
      ended({ spoiledSinceMs: this.#spoiledSinceMs, hasCarried: this.#down.hasCarried, by: this.#by! });
      if (this.#far.closed) gone();
    });
    this.#far.on("close", (hadError) => {
      this.#stop();
      if (!this.#isHalf) close(near, hadError);
      if (near.closed) gone();
    });
  }

  treat({ up, down }: Treatment): void {
    if (this.#isHalf) return;
    this.#up.flow(up);
    this.#down.flow(down);
  }

  /** Does not change when it is spoiled again. */
  spoiled(atMs: number): void {
    this.#spoiledSinceMs ??= atMs;
  }

  reset(): void {
    this.#endedBy("line");
    this.#near.resetAndDestroy();
    this.#far.resetAndDestroy();
  }

  /** One end goes, and the other stays open and hears nothing any more. */
  halve(gone: "gateway" | "cloud"): void {
    if (this.#isHalf) return;
    this.#isHalf = true;
    this.#stop();
    const [going, staying] = gone === "cloud" ? [this.#far, this.#near] : [this.#near, this.#far];
    if (gone === "gateway") this.#endedBy("line");
    going.resetAndDestroy();
    staying.on("end", () => staying.end());
  }

  destroy(): void {
    this.#near.destroy();
    this.#far.destroy();
  }

  #endedBy(by: Ended["by"]): void {
    this.#by ??= by;
  }

  #stop(): void {
    this.#up.stop();
    this.#down.stop();
  }
}

function close(socket: Socket, hadError: boolean): void {
  if (hadError) socket.resetAndDestroy();
  else socket.destroySoon();
}
