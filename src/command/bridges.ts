import type { BridgeReport } from "../admin/administration.ts";
import { bridgeDetails, bridgeTable } from "./bridge-text.ts";
import type { CommandContext } from "./command-context.ts";
import { ControlClient, type ControlOptions } from "./control-client.ts";
import { counted } from "./counted.ts";
import { exitCodes } from "./exit-code.ts";
import { printable } from "./printable.ts";

/** `waypost bridges list`. Errors: those of ControlClient. */
export async function listBridges(options: ControlOptions, context: CommandContext): Promise<number> {
  const client = new ControlClient(options, context);
  const answer = await client.ask<{ bridges: BridgeReport[] }>({ method: "GET", path: ["bridges"] });
  const { bridges } = answer;
  const text =
    bridges.length === 0 ? "there are no bridges: they are configured below bridges\n" : bridgeTable(bridges);
  context.stdout.write(options.json ? `${JSON.stringify(answer)}\n` : text);
  return exitCodes.ok;
}

/** `waypost bridges show`. Errors: those of ControlClient. */
export async function showBridge(name: string, options: ControlOptions, context: CommandContext): Promise<number> {
  const client = new ControlClient(options, context);
  const bridge = await client.ask<BridgeReport>({ method: "GET", path: ["bridges", name] });
  context.stdout.write(options.json ? `${JSON.stringify(bridge)}\n` : bridgeDetails(bridge));
  return exitCodes.ok;
}

/** `waypost bridges remove`: one that is not in the configuration any more. Errors: those of ControlClient. */
export async function removeBridge(
  name: string,
  options: ControlOptions & { readonly force?: boolean },
  context: CommandContext,
): Promise<number> {
  const answer = await new ControlClient(options, context).ask<{ messages: number }>({
    method: "DELETE",
    path: ["bridges", name],
    query: { force: options.force },
  });
  const gone = answer.messages === 0 ? "" : `, and ${counted(answer.messages, "message")} with it`;
  const text = `removed the bridge ${printable(name)}${gone}\n`;
  context.stdout.write(options.json ? `${JSON.stringify(answer)}\n` : text);
  return exitCodes.ok;
}
