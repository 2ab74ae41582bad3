import type { QueueReport } from "../admin/administration.ts";
import { valueOfText } from "../config/value-of-text.ts";
import { ageText } from "./age-text.ts";
import type { CommandContext } from "./command-context.ts";
import { ControlClient, type ControlOptions } from "./control-client.ts";
import { counted } from "./counted.ts";
import { exitCodes } from "./exit-code.ts";
import { printable } from "./printable.ts";
import { rateText } from "./rate-text.ts";
import { sizeText } from "./size-text.ts";
import { textTable } from "./text-table.ts";
import { usageError } from "./usage-error.ts";

export interface CreateQueueOptions extends ControlOptions {
  readonly topic?: readonly string[];
  /** `key=value` each. */
  readonly setting?: readonly string[];
}

const headings = ["queue", "messages", "bytes", "oldest", "in delivery", "consumers", "in/s", "out/s", "state"];

/** `waypost queues list`. Errors: those of ControlClient. */
export async function listQueues(options: ControlOptions, context: CommandContext): Promise<number> {
  const answer = await new ControlClient(options, context).ask<{ queues: QueueReport[] }>({
    method: "GET",
    path: ["queues"],
  });
  const text =
    answer.queues.length === 0
      ? "there are no queues: configure some, or waypost queues create NAME --topic FILTER\n"
      : textTable(headings, answer.queues.map(rowOf));
  context.stdout.write(options.json ? `${JSON.stringify(answer)}\n` : text);
  return exitCodes.ok;
}

/** `waypost queues show`. Errors: those of ControlClient. */
export async function showQueue(name: string, options: ControlOptions, context: CommandContext): Promise<number> {
  const client = new ControlClient(options, context);
  const queue = await client.ask<QueueReport>({ method: "GET", path: ["queues", name] });
  context.stdout.write(options.json ? `${JSON.stringify(queue)}\n` : detailsOf(queue));
  return exitCodes.ok;
}

/** `waypost queues create`. Errors: ERR_USAGE for settings that are none; those of ControlClient. */
export async function createQueue(name: string, options: CreateQueueOptions, context: CommandContext): Promise<number> {
  const body = { name, settings: settingsOf(name, options) };
  const client = new ControlClient(options, context);
  const queue = await client.ask<QueueReport>({ method: "POST", path: ["queues"], body });
  const topics = queue.topics.map(printable).join(", ") || `none, only what is published to $queue/${queue.name}/...`;
  const text = `created the queue ${queue.name}; its topics: ${topics}\n`;
  context.stdout.write(options.json ? `${JSON.stringify(queue)}\n` : text);
  return exitCodes.ok;
}

function settingsOf(name: string, { topic = [], setting = [] }: CreateQueueOptions): object {
  const settings = new Map<string, unknown>();
  if (topic.length > 0) settings.set("topics", topic);
  for (const line of setting) {
    const equals = line.indexOf("=");
    if (equals < 1) throw usageError(`--setting is key=value, such as deliveriesMax=5, not ${line}`);
    const key = line.slice(0, equals);
    if (settings.has(key)) throw usageError(`${key} is given twice${key === "topics" ? ": --topic is the same" : ""}`);
    settings.set(key, valueOfText(["queues", name, key], line.slice(equals + 1)));
  }
  return Object.fromEntries(settings);
}

function rowOf(queue: QueueReport): string[] {
  const { name, messages, bytes, oldestSeconds, inDelivery, perSecond } = queue;
  return [
    name,
    String(messages),
    sizeText(bytes),
    ageText(oldestSeconds),
    String(inDelivery),
    consumersOf(queue),
    rateText(perSecond.arrived),
    rateText(perSecond.settled),
    stateOf(queue),
  ];
}

/** Those that get messages, and those that would step in. */
function consumersOf({ consumers }: QueueReport): string {
  const online = consumers.filter((each) => each.online);
  const backups = online.filter((each) => each.backup).length;
  return `${online.length - backups}${backups === 0 ? "" : ` + ${counted(backups, "backup")}`}`;
}

function stateOf({ paused, origin }: QueueReport): string {
  const words = [...(paused ? ["paused"] : []), ...(origin === "left-over" ? ["left over"] : [])];
  return words.join(", ") || "running";
}

const origins: Readonly<Record<QueueReport["origin"], string>> = {
  configuration: "the configuration",
  created: "created while running",
  "left-over": "left over: not in the configuration any more, but not empty",
};

function detailsOf(queue: QueueReport): string {
  const { messages, bytes, oldestSeconds, delayed, inDelivery, perSecond, totals, limits } = queue;
  const oldest = oldestSeconds === null ? "" : `, the oldest for ${ageText(oldestSeconds)}`;
  const lines = [
    `queue ${queue.name}, ${queue.paused ? "paused" : "running"}`,
    `  from: ${origins[queue.origin]}`,
    `  topics: ${queue.topics.map(printable).join(", ") || "none"}`,
    `  ${counted(messages, "message")} waiting, ${sizeText(bytes)}${oldest}${delayed === 0 ? "" : `; ${delayed} delayed`}`,
    `  limits: ${counted(limits.messagesMax, "message")}, ${sizeText(limits.bytesMax)}`,
    `  in delivery: ${inDelivery}`,
    `  per second: ${rateText(perSecond.arrived)} in, ${rateText(perSecond.settled)} out, ${rateText(perSecond.redelivered)} again`,
    `  since the gateway started: ${totals.arrived} in, ${totals.settled} out, ${totals.redelivered} again, ${totals.deadLetters} to the dead letters`,
    "",
  ];
  const rows = queue.consumers.map(({ id, inDelivery, online, backup }) => [
    printable(id),
    String(inDelivery),
    online ? (backup ? "backup" : "online") : "away",
  ]);
  const table = rows.length === 0 ? "" : `\n${textTable(["consumer", "in delivery", "is"], rows)}`;
  return lines.join("\n") + table;
}
