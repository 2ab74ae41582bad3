import { type DestinationStream, destination as openDestination, pino, stdTimeFunctions } from "pino";
import { prettyFactory } from "pino-pretty";
import { WaypostError } from "./waypost-error.ts";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";
export type LogFormat = "auto" | "pretty" | "json";

/** Writes lines with fields. A child's fields are on each of its lines; all children follow one level. */
export interface Log {
  trace(fields: object, text: string): void;
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
  child(fields: object): Log;
  setLevel(level: LogLevel): void;
}

const ranks: Readonly<Record<LogLevel, number>> = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, silent: 99 };

/** Where lines go: each call is one line with its line feed. */
export type LogDestination = DestinationStream;

/**
 * A log on standard output, or on `destination`: one JSON object a line with an ISO time, or lines for people when
 * `format` is pretty, or auto on a terminal. An error belongs into the field `error`.
 */
export function createLog(
  options: { readonly level: LogLevel; readonly format: LogFormat },
  destination: LogDestination = standardOutput(),
): Log {
  const isPretty = options.format === "pretty" || (options.format === "auto" && process.stdout.isTTY === true);
  const pinoLog = pino(
    {
      // The wrapper decides about levels, so that a change reaches children that exist already.
      level: "trace",
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: errorFields, err: errorFields },
    },
    isPretty ? prettified(destination) : destination,
  );
  return new LevelLog(pinoLog, { rank: ranks[options.level] });
}

/** A log that writes nothing. */
export const silentLog: Log = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
  setLevel() {},
};

/** Bytes that may wait for whoever reads the log. */
const waitingBytesMax = 1024 * 1024;
/** Tries, a tenth of a second apart, to write what waits while the process exits. */
const lastTriesMax = 10;

/**
 * Does not wait for whoever reads the log: a pipe that nobody empties must not stop the gateway. What does not fit is
 * dropped, and how much it was is said when there is room again. What waits is written when the process exits.
 */
function standardOutput(): LogDestination {
  let tries = 0;
  let dropped = 0;
  const output = openDestination({
    dest: 1,
    sync: false,
    maxLength: waitingBytesMax,
    // Only while the process exits is it waited for; a reader that is stuck shall not keep it from exiting.
    retryEAGAIN: () => !exiting || ++tries < lastTriesMax,
  } as Parameters<typeof openDestination>[0]);
  let exiting = false;
  process.once("exit", () => {
    exiting = true;
  });
  output.on("drop", () => {
    dropped++;
  });
  output.on("drain", () => {
    if (dropped === 0) return;
    const line = {
      level: "warn",
      time: new Date().toISOString(),
      dropped,
      msg: "log lines were dropped: nobody read them",
    };
    dropped = 0;
    output.write(`${JSON.stringify(line)}\n`);
  });
  return output;
}

/** Lines for people, made in this process: pino's transports would start a thread from a file that a bundle has not. */
function prettified(destination: LogDestination): LogDestination {
  const prettify = prettyFactory({
    colorize: process.stdout.isTTY === true && process.env.NO_COLOR === undefined,
    translateTime: "SYS:HH:MM:ss.l",
    errorLikeObjectKeys: ["error", "err"],
    singleLine: true,
  });
  return { write: (line) => destination.write(`${prettify(line).trimEnd()}\n`) };
}

/** A stack is worth its lines only where the fault is in the code: what a peer or a configuration did is told by code and message. */
function errorFields(error: unknown): unknown {
  if (!(error instanceof WaypostError) || error.fault === "invariant") return pino.stdSerializers.err(error as Error);
  const cause = error.cause instanceof Error ? { cause: error.cause.message } : {};
  return { code: error.code, message: error.message, ...cause };
}

class LevelLog implements Log {
  readonly #pino: pino.Logger;
  readonly #shared: { rank: number };

  constructor(pinoLog: pino.Logger, shared: { rank: number }) {
    this.#pino = pinoLog;
    this.#shared = shared;
  }

  trace(fields: object, text: string): void {
    if (this.#shared.rank <= ranks.trace) this.#pino.trace(fields, text);
  }

  debug(fields: object, text: string): void {
    if (this.#shared.rank <= ranks.debug) this.#pino.debug(fields, text);
  }

  info(fields: object, text: string): void {
    if (this.#shared.rank <= ranks.info) this.#pino.info(fields, text);
  }

  warn(fields: object, text: string): void {
    if (this.#shared.rank <= ranks.warn) this.#pino.warn(fields, text);
  }

  error(fields: object, text: string): void {
    if (this.#shared.rank <= ranks.error) this.#pino.error(fields, text);
  }

  child(fields: object): Log {
    return new LevelLog(this.#pino.child(fields), this.#shared);
  }

  setLevel(level: LogLevel): void {
    this.#shared.rank = ranks[level];
  }
}
