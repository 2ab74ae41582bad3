import { WaypostError } from "../waypost-error.ts";

/** One thing that is wrong with a configuration. */
export interface Mistake {
  /** Where: `file:line:column`, `environment:WAYPOST_…` or `--set`. */
  readonly source: string;
  /** Which key, with dots: `listeners.mqtt.port`. Empty if it concerns no key. */
  readonly path: string;
  /** What is wrong and what to do. */
  readonly message: string;
}

/** A mistake with its place in the order of the layers: offset in the file, then environment, then flags. */
export interface RankedMistake extends Mistake {
  readonly rank: number;
}

/** All mistakes of a configuration at once, one a line in `message`. */
export class ConfigError extends WaypostError {
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[], options?: ErrorOptions) {
    super("ERR_CONFIG_INVALID", mistakes.map(formatMistake).join("\n"), options);
    this.mistakes = mistakes;
  }
}

/** `waypost.yaml:3:11 listeners.mqtt.port must be …` */
export function formatMistake({ source, path, message }: Mistake): string {
  return [source, path, message].filter((part) => part !== "").join(" ");
}
