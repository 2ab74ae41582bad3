import { Presets, SingleBar } from "cli-progress";

/** Shows how far the fleet is. */
export type Progress = {
  /** Begins a step of so many units. */
  step(what: string, total: number): void;
  at(done: number, note?: string): void;
  end(): void;
};

export const silentProgress: Progress = { step: () => {}, at: () => {}, end: () => {} };

/** A bar on a terminal; on anything else nothing, so that logs stay readable. */
export function createProgress(stream: NodeJS.WriteStream): Progress {
  if (!stream.isTTY) return silentProgress;
  let bar: SingleBar | undefined;
  return {
    step(what, total) {
      bar?.stop();
      const format = `${what.padEnd(12)} {bar} {value}/{total} {note}`;
      bar = new SingleBar({ format, stream, hideCursor: true, clearOnComplete: true }, Presets.shades_classic);
      bar.start(total, 0, { note: "" });
    },
    at(done, note = "") {
      bar?.update(done, { note });
    },
    end() {
      bar?.stop();
      bar = undefined;
    },
  };
}
