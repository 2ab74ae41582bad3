import type { GroupReport } from "../admin/administration.ts";
import { WaypostError } from "../waypost-error.ts";
import type { CommandContext } from "./command-context.ts";
import { ControlClient, type ControlOptions } from "./control-client.ts";
import { exitCodes } from "./exit-code.ts";
import { printable } from "./printable.ts";
import { textTable } from "./text-table.ts";

/** `waypost groups`: all of them, or one with the devices that it reaches. Errors: ERR_NOT_FOUND; those of ControlClient. */
export async function groups(
  name: string | undefined,
  options: ControlOptions,
  context: CommandContext,
): Promise<number> {
  const client = new ControlClient(options, context);
  const answer = await client.ask<{ groups: GroupReport[] }>({ method: "GET", path: ["groups"] });
  const one = name === undefined ? undefined : groupOf(name, answer.groups);
  const text = one === undefined ? tableOf(answer.groups) : detailsOf(one);
  context.stdout.write(options.json ? `${JSON.stringify(one ?? answer)}\n` : text);
  return exitCodes.ok;
}

function groupOf(name: string, all: readonly GroupReport[]): GroupReport {
  const found = all.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw new WaypostError("ERR_NOT_FOUND", `there is no group ${printable(name)}: waypost groups lists all`);
}

function tableOf(all: readonly GroupReport[]): string {
  if (all.length === 0) return "there are no groups: they are configured below groups\n";
  const rows = all.map(({ name, qos, devicesCount, members }) => [
    name,
    String(qos),
    String(devicesCount),
    members.map(printable).join(", "),
  ]);
  return textTable(["group", "QoS", "devices", "members"], rows);
}

function detailsOf(group: GroupReport): string {
  const hidden = group.devicesCount - group.devices.length;
  const lines = group.devices.map((device) => `${printable(device)}\n`);
  return `${tableOf([group])}\n${lines.join("")}${hidden > 0 ? `... and ${hidden} more\n` : ""}`;
}
