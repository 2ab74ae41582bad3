import { createReadStream } from "node:fs";
import { requestPayloadBytesMax } from "../admin/api/body-limits.ts";
import { allOf } from "../client/lines.ts";
import { WaypostError } from "../waypost-error.ts";
import type { CommandContext } from "./command-context.ts";
import { ControlClient, type ControlOptions } from "./control-client.ts";
import { exitCodes } from "./exit-code.ts";
import { printable } from "./printable.ts";
import { usageError } from "./usage-error.ts";
import { wholeNumberOption } from "./whole-number-option.ts";

export interface RequestFlags extends ControlOptions {
  readonly topic?: string;
  readonly message?: string;
  readonly file?: string;
  readonly stdinFile?: boolean;
  /** Seconds, with decimals. */
  readonly timeout?: string;
  readonly qos?: string;
  readonly verbose?: boolean;
}

const TIMEOUT_SECONDS_MAX = 3600;

/** What the gateway answers to `POST /requests`; the payload in base64. */
type Outcome =
  | { readonly outcome: "answer"; readonly topic: string; readonly payload: string }
  | { readonly outcome: "no-responder" }
  | { readonly outcome: "timeout" };

/**
 * `waypost request`: publishes a request and prints the payload of the first answer. Resolves to 0 with an answer, to 1
 * where nobody subscribes to the topic, to 27 where no answer came in time. Errors: ERR_USAGE; those of ControlClient.
 */
export async function request(flags: RequestFlags, context: CommandContext): Promise<number> {
  const { topic } = flags;
  if (topic === undefined) throw usageError("-t is missing: the topic to publish the request to");
  const timeoutSeconds = secondsOf(flags.timeout ?? "5");
  const qos = flags.qos === undefined ? {} : { qos: wholeNumberOption("-q", flags.qos, 0, 2) };
  checkOneSource(flags);
  const client = new ControlClient(flags, context);
  const payload = await payloadOf(flags, context);
  if (payload.length > requestPayloadBytesMax) throw tooLong();
  const body = { topic, payload: payload.toString("base64"), timeoutSeconds, ...qos };
  const asked = { method: "POST", path: ["requests"], body, extraSeconds: timeoutSeconds } as const;
  const answer = await client.ask<Outcome>(asked);
  if (flags.json) context.stdout.write(`${JSON.stringify(answer)}\n`);
  switch (answer.outcome) {
    case "answer":
      if (!flags.json) context.stdout.write(lineOf(answer, flags.verbose === true));
      return exitCodes.ok;
    case "no-responder":
      context.stderr.write(`waypost request: no responder: nobody subscribes to ${printable(topic)}\n`);
      return exitCodes.runtime;
    case "timeout":
      context.stderr.write(`waypost request: no answer came within ${timeoutSeconds} s\n`);
      return exitCodes.timeout;
  }
}

/** As `waypost sub` prints it: an empty payload is no line, or `topic (null)` with -v. */
function lineOf({ topic, payload }: { topic: string; payload: string }, isVerbose: boolean): Buffer {
  const bytes = Buffer.from(payload, "base64");
  if (bytes.length === 0) return Buffer.from(isVerbose ? `${topic} (null)\n` : "");
  return Buffer.concat([Buffer.from(isVerbose ? `${topic} ` : ""), bytes, Buffer.from("\n")]);
}

function secondsOf(text: string): number {
  const seconds = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (seconds > 0 && seconds <= TIMEOUT_SECONDS_MAX) return seconds;
  throw usageError(`--timeout is a number of seconds above 0 and up to ${TIMEOUT_SECONDS_MAX}, not ${text}`);
}

function checkOneSource({ message, file, stdinFile }: RequestFlags): void {
  const given = [message, file, stdinFile].filter((value) => value !== undefined).length;
  if (given === 0) throw usageError("no message: give one with -m, -f FILE or -s (standard input)");
  if (given > 1) throw usageError("only one of -m, -f and -s can be given");
}

async function payloadOf({ message, file }: RequestFlags, { stdin }: CommandContext): Promise<Buffer> {
  if (message !== undefined) return Buffer.from(message);
  const bytes = file === undefined ? stdin : createReadStream(file);
  try {
    return await allOf(bytes, requestPayloadBytesMax);
  } catch (error) {
    if (error instanceof WaypostError) throw tooLong();
    throw usageError(
      `${file === undefined ? "standard input" : `-f ${file}`} cannot be read: ${(error as Error).message}`,
    );
  }
}

function tooLong(): WaypostError {
  return usageError(`the message is longer than ${requestPayloadBytesMax} bytes: publish larger ones with waypost pub`);
}
