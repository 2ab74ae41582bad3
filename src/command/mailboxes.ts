import type { MailboxReport } from "../admin/administration.ts";
import { ageText } from "./age-text.ts";
import type { CommandContext } from "./command-context.ts";
import { ControlClient, type ControlOptions } from "./control-client.ts";
import { exitCodes } from "./exit-code.ts";
import { printable } from "./printable.ts";
import { sizeText } from "./size-text.ts";
import { textTable } from "./text-table.ts";

const headings = ["device", "messages", "bytes", "oldest", "in delivery", "is", "state"];

/** `waypost mailboxes list`: the fullest first. Errors: those of ControlClient. */
export async function listMailboxes(options: ControlOptions, context: CommandContext): Promise<number> {
  const client = new ControlClient(options, context);
  const answer = await client.ask<{ mailboxes: MailboxReport[] }>({ method: "GET", path: ["mailboxes"] });
  const rows = answer.mailboxes.toSorted((left, right) => right.messages - left.messages).map(rowOf);
  const text = rows.length === 0 ? "there are no devices\n" : textTable(headings, rows);
  context.stdout.write(options.json ? `${JSON.stringify(answer)}\n` : text);
  return exitCodes.ok;
}

/** `waypost mailboxes show`. Errors: those of ControlClient. */
export async function showMailbox(device: string, options: ControlOptions, context: CommandContext): Promise<number> {
  const client = new ControlClient(options, context);
  const mailbox = await client.ask<MailboxReport>({ method: "GET", path: ["mailboxes", device] });
  context.stdout.write(options.json ? `${JSON.stringify(mailbox)}\n` : textTable(headings, [rowOf(mailbox)]));
  return exitCodes.ok;
}

function rowOf({ device, messages, bytes, oldestSeconds, inDelivery, online, paused }: MailboxReport): string[] {
  const counts = [String(messages), sizeText(bytes), ageText(oldestSeconds), String(inDelivery)];
  return [printable(device), ...counts, online ? "online" : "away", paused ? "paused" : "running"];
}
