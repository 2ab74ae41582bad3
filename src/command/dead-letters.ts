import type {
  DeadLetterPage,
  DeadLetterReport,
  DeadLetterSelection,
  DeadLetterSummary,
} from "../admin/administration.ts";
import type { CommandContext } from "./command-context.ts";
import { ControlClient, type ControlOptions } from "./control-client.ts";
import { counted } from "./counted.ts";
import { exitCodes } from "./exit-code.ts";
import { payloadText } from "./payload-text.ts";
import { printable } from "./printable.ts";
import { sizeText } from "./size-text.ts";
import { textTable } from "./text-table.ts";
import { usageError } from "./usage-error.ts";
import { wholeNumberOption } from "./whole-number-option.ts";

interface FilterOptions extends ControlOptions {
  readonly reason?: string;
  readonly destination?: string;
}

export interface ListDeadLettersOptions extends FilterOptions {
  readonly max?: string;
}

export interface SelectDeadLettersOptions extends FilterOptions {
  readonly all?: boolean;
  readonly force?: boolean;
}

/** What the gateway gives at once. */
const PAGE_MAX = 1000;
const headings = ["id", "at", "reason", "destination", "topic", "QoS", "payload", "from", "requeued"];

/** `waypost dead-letters list`: the newest first. Errors: ERR_USAGE; those of ControlClient. */
export async function listDeadLetters(options: ListDeadLettersOptions, context: CommandContext): Promise<number> {
  const max = wholeNumberOption("--max", options.max ?? "100", 1, 10_000_000);
  const page = await newest(max, options, context);
  if (options.json) {
    context.stdout.write(`${JSON.stringify(page)}\n`);
    return exitCodes.ok;
  }
  const { letters, kept, counts } = page;
  const table = letters.length === 0 ? "" : `${textTable(headings, letters.map(rowOf))}\n`;
  const more = letters.length < max ? "" : `these are the newest ${max}; --max shows more\n`;
  const reasons = Object.entries(counts).map(([reason, count]) => `${reason} ${count}`);
  const summary = `${counted(kept.messages, "dead letter")} kept, ${sizeText(kept.bytes)}\n`;
  const since = reasons.length === 0 ? "" : `since the gateway started: ${reasons.join(", ")}\n`;
  context.stdout.write(`${table}${more}${summary}${since}`);
  return exitCodes.ok;
}

/** `waypost dead-letters show`. Errors: ERR_USAGE; those of ControlClient. */
export async function showDeadLetter(id: string, options: ControlOptions, context: CommandContext): Promise<number> {
  const path = ["dead-letters", String(idOf(id))];
  const letter = await new ControlClient(options, context).ask<DeadLetterReport>({ method: "GET", path });
  context.stdout.write(options.json ? `${JSON.stringify(letter)}\n` : detailsOf(letter));
  return exitCodes.ok;
}

/** `waypost dead-letters requeue`: exits with 1 where some were refused. Errors: ERR_USAGE; those of ControlClient. */
export async function requeueDeadLetters(
  ids: readonly string[],
  options: SelectDeadLettersOptions,
  context: CommandContext,
): Promise<number> {
  const force = options.force ? { force: true } : {};
  const answer = await new ControlClient(options, context).ask<{ requeued: number; refused: number }>({
    method: "POST",
    path: ["dead-letters", "requeue"],
    body: { ...selectionOf(ids, options), ...force },
  });
  const { requeued, refused } = answer;
  const text = `requeued ${counted(requeued, "dead letter")}\n`;
  context.stdout.write(options.json ? `${JSON.stringify(answer)}\n` : text);
  if (refused === 0) return exitCodes.ok;
  const why = options.force
    ? "there is no room for them, or nobody to get them"
    : "there is no room for them, or nobody to get them; or they failed often, and --force tries them";
  context.stderr.write(`waypost dead-letters requeue: ${counted(refused, "dead letter")} refused: ${why}\n`);
  return exitCodes.runtime;
}

/** `waypost dead-letters purge`. Errors: ERR_USAGE; those of ControlClient. */
export async function purgeDeadLetters(
  ids: readonly string[],
  options: SelectDeadLettersOptions,
  context: CommandContext,
): Promise<number> {
  const path = ["dead-letters", "purge"];
  const body = selectionOf(ids, options);
  const answer = await new ControlClient(options, context).ask<{ messages: number }>({ method: "POST", path, body });
  const text = `purged ${counted(answer.messages, "dead letter")}\n`;
  context.stdout.write(options.json ? `${JSON.stringify(answer)}\n` : text);
  return exitCodes.ok;
}

async function newest(max: number, options: FilterOptions, context: CommandContext): Promise<DeadLetterPage> {
  const client = new ControlClient(options, context);
  const { reason, destination } = options;
  const letters: DeadLetterSummary[] = [];
  for (;;) {
    const wanted = Math.min(PAGE_MAX, max - letters.length);
    const query = { reason, destination, max: wanted, before: letters.at(-1)?.id };
    const page = await client.ask<DeadLetterPage>({ method: "GET", path: ["dead-letters"], query });
    letters.push(...page.letters);
    if (page.letters.length < wanted || letters.length >= max) return { ...page, letters };
  }
}

function selectionOf(ids: readonly string[], options: SelectDeadLettersOptions): DeadLetterSelection {
  const { reason, destination, all } = options;
  if (ids.length > 0 && all) throw usageError("give ids, or --all, but not both");
  const selection = {
    ...(ids.length === 0 ? {} : { ids: ids.map(idOf) }),
    ...(reason === undefined ? {} : { reason }),
    ...(destination === undefined ? {} : { destination }),
    ...(all ? { all: true as const } : {}),
  };
  if (Object.keys(selection).length > 0) return selection;
  throw usageError("say which dead letters: their ids, --reason, --destination or --all");
}

function idOf(text: string): number {
  return wholeNumberOption("the id of a dead letter", text, 0, Number.MAX_SAFE_INTEGER);
}

function rowOf(letter: DeadLetterSummary): string[] {
  const { id, at, reason, topic, qos, payloadBytes, requeues } = letter;
  const what = [printable(topic), String(qos), sizeText(payloadBytes), originOf(letter), String(requeues)];
  return [String(id), at, reason, destinationOf(letter), ...what];
}

function originOf({ origin }: DeadLetterSummary): string {
  return origin === null ? "the gateway" : printable(origin);
}

function destinationOf({ destination: { kind, name } }: DeadLetterSummary): string {
  return kind === "shared-subscription" ? printable(name) : `${kind} ${printable(name)}`;
}

function detailsOf(letter: DeadLetterReport): string {
  const { id, at, reason, topic, qos, retain, payloadBytes, payload, properties, requeues } = letter;
  const lines = [
    `dead letter ${id}`,
    `  reason: ${reason}`,
    `  at: ${at}`,
    `  destination: ${destinationOf(letter)}`,
    `  from: ${originOf(letter)}`,
    `  requeued: ${requeues}`,
    `  topic: ${printable(topic)}`,
    `  QoS ${qos}${retain ? ", retained" : ""}, ${sizeText(payloadBytes)}`,
    ...Object.entries(properties).map(([name, value]) => `  ${name}: ${printable(JSON.stringify(value))}`),
    ...(payloadBytes === 0 ? [] : [`  payload: ${payloadText(payload)}`]),
    "",
  ];
  return lines.join("\n");
}
