import type { Place } from "../admin/administration.ts";
import type { CommandContext } from "./command-context.ts";
import { ControlClient, type ControlOptions } from "./control-client.ts";
import { counted } from "./counted.ts";
import { exitCodes } from "./exit-code.ts";
import { printable } from "./printable.ts";
import { usageError } from "./usage-error.ts";
import { wholeNumberOption } from "./whole-number-option.ts";

const folders: Readonly<Record<Place["kind"], string>> = {
  queue: "queues",
  device: "mailboxes",
  bridge: "bridges",
};

/** `waypost queues pause`, `waypost bridges resume` and the others of that kind. Errors: those of ControlClient. */
export async function switchPlace(
  verb: "pause" | "resume",
  place: Place,
  options: ControlOptions,
  context: CommandContext,
): Promise<number> {
  const answer = await post(verb, place, options, context);
  const done = { pause: "paused", resume: "resumed" }[verb];
  context.stdout.write(options.json ? `${JSON.stringify(answer)}\n` : `${done} ${wordsFor(place)}\n`);
  return exitCodes.ok;
}

/** `waypost queues purge`, `waypost mailboxes purge`: forgets what waits. Errors: those of ControlClient. */
export async function purgePlace(place: Place, options: ControlOptions, context: CommandContext): Promise<number> {
  const answer = await post<{ messages: number }>("purge", place, options, context);
  const text = `purged ${counted(answer.messages, "message")} from ${wordsFor(place)}\n`;
  context.stdout.write(options.json ? `${JSON.stringify(answer)}\n` : text);
  return exitCodes.ok;
}

/** `waypost queues remove`, `waypost bridges remove`: those that hold messages only by force. Errors: those of ControlClient. */
export async function removePlace(
  { kind, name }: Place,
  options: ControlOptions & { readonly force?: boolean },
  context: CommandContext,
): Promise<number> {
  const path = [folders[kind], name];
  const query = { force: options.force };
  const answer = await new ControlClient(options, context).ask<{ messages: number }>({ method: "DELETE", path, query });
  const went = kind === "queue" ? "went to the dead letters" : "went with it";
  const fate = answer.messages === 0 ? "" : `; ${counted(answer.messages, "message")} ${went}`;
  const text = `removed ${wordsFor({ kind, name })}${fate}\n`;
  context.stdout.write(options.json ? `${JSON.stringify(answer)}\n` : text);
  return exitCodes.ok;
}

/** `waypost queues move`, `waypost mailboxes move`: the oldest first. Errors: ERR_USAGE; those of ControlClient. */
export async function movePlace(
  from: Place,
  toText: string,
  options: ControlOptions & { readonly max?: string },
  context: CommandContext,
): Promise<number> {
  const to = placeOf(toText, from.kind);
  const max = options.max === undefined ? {} : { max: wholeNumberOption("--max", options.max, 1, 4_294_967_295) };
  const answer = await post<{ messages: number; left: number }>("move", from, options, context, { to, ...max });
  const left = answer.left === 0 ? "" : `; ${answer.left} left there${whyLeft(to, answer.messages, options.max)}`;
  const text = `moved ${counted(answer.messages, "message")} from ${wordsFor(from)} to ${wordsFor(to)}${left}\n`;
  context.stdout.write(options.json ? `${JSON.stringify(answer)}\n` : text);
  return exitCodes.ok;
}

function post<T>(
  verb: string,
  { kind, name }: Place,
  options: ControlOptions,
  context: CommandContext,
  body?: object,
): Promise<T> {
  const asked = { method: "POST", path: [folders[kind], name, verb] } as const;
  return new ControlClient(options, context).ask<T>(body === undefined ? asked : { ...asked, body });
}

/** `queue:<name>`, `device:<client id>`, `bridge:<name>`, or bare: of the same kind as where it comes from. */
function placeOf(text: string, kindOfBare: Place["kind"]): Place {
  const [, kind = kindOfBare, name = text] = /^(queue|device|bridge):(.*)$/s.exec(text) ?? [];
  if (name === "") throw usageError(`${text} names nothing: give queue:<name>, device:<client id> or bridge:<name>`);
  return { kind: kind as Place["kind"], name };
}

/** A bridge may refuse a message for another reason than that it is full. */
function whyLeft({ kind }: Place, moved: number, max: string | undefined): string {
  if (kind !== "bridge" || moved === Number(max)) return "";
  return ": the bridge has no room, or no rule that takes the next one";
}

function wordsFor({ kind, name }: Place): string {
  return kind === "device" ? `the mailbox of ${printable(name)}` : `the ${kind} ${printable(name)}`;
}
