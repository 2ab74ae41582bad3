import { explainTopic, linesOf } from "../bridge/explain-topic.ts";
import type { GatewayConfig } from "../config/schema.ts";
import type { CommandContext } from "./command-context.ts";
import { type ConfigOptions, configOfOptions } from "./config-of-options.ts";
import { exitCodes } from "./exit-code.ts";
import { usageError } from "./usage-error.ts";

/**
 * `waypost bridges test`: what the configuration has a bridge do with a topic, and why. Asks no gateway. Resolves to 1
 * where it passes in neither direction. Errors: ERR_USAGE for a bridge that is not there; those of loadConfig.
 */
export async function testBridge(
  name: string,
  topic: string,
  options: ConfigOptions & { readonly json?: boolean },
  context: CommandContext,
): Promise<number> {
  const { bridges } = configOfOptions(options, context).config;
  const explanation = explainTopic(bridgeNamed(name, bridges), topic);
  const { enabled, up, down } = explanation;
  const passes = enabled && (up.taken !== null || down.taken !== null);
  const text = options.json
    ? `${JSON.stringify({ bridge: name, passes, ...explanation })}\n`
    : linesOf(explanation)
        .map((line) => `${line}\n`)
        .join("");
  context.stdout.write(text);
  return passes ? exitCodes.ok : exitCodes.runtime;
}

function bridgeNamed(name: string, bridges: GatewayConfig["bridges"]) {
  const found = Object.hasOwn(bridges, name) ? bridges[name] : undefined;
  if (found !== undefined) return found;
  const names = Object.keys(bridges);
  const known = names.length === 0 ? "it has none (--config chooses another)" : `there are ${names.join(", ")}`;
  throw usageError(`there is no bridge ${JSON.stringify(name)} in this configuration: ${known}`);
}
