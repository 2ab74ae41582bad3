import type { BridgeReport } from "../admin/administration.ts";
import { bridgeDetails, bridgeTable } from "./bridge-text.ts";
import type { CommandContext } from "./command-context.ts";
import { ControlClient, type ControlOptions } from "./control-client.ts";
import { exitCodes } from "./exit-code.ts";

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
