import { formatByteSize } from "../config/byte-size.ts";
import type { GatewayConfig } from "../config/schema.ts";
import type { CommandContext } from "./command-context.ts";
import { type ConfigOptions, configOfOptions } from "./config-of-options.ts";
import { exitCodes } from "./exit-code.ts";
import { printable } from "./printable.ts";

/** `waypost check`: says OK and what the configuration amounts to. Errors: those of loadConfig, with every mistake. */
export async function check(options: ConfigOptions, context: CommandContext): Promise<number> {
  const { config, file, warnings } = configOfOptions(options, context);
  for (const warning of warnings) context.stderr.write(`warning: ${warning}\n`);
  context.stdout.write(["OK", ...summaryOf(config, file).map((line) => `  ${line}`), ""].join("\n"));
  return exitCodes.ok;
}

function summaryOf(config: GatewayConfig, file: string | undefined): string[] {
  const listeners = Object.entries(config.listeners).map(([name, listener]) => {
    const { enabled, type, host, port, allowAnonymous } = listener;
    if (!enabled) return `listener ${name}: off`;
    const path = listener.type === "http" ? `, MQTT over WebSocket at ${listener.mqttPath}` : "";
    return `listener ${name}: ${type} on ${host} port ${port}${path}${allowAnonymous ? ", open to anyone who reaches it" : ""}`;
  });
  const { mailboxes, sessions, limits } = config;
  const users = Object.keys(config.authentication.users).length;
  return [
    `gateway ${config.gateway.name}, configured by ${file ?? "defaults"}`,
    ...listeners,
    `users: ${users === 0 ? "none, everybody who reaches a listener may connect" : users}`,
    `store: ${config.store.engine}`,
    `sessions: at most ${sessions.countMax}, kept ${sessions.expirySecondsMax} s, ${sessions.inFlightMax} messages in flight`,
    `mailboxes: ${mailboxes.messagesMax} messages or ${formatByteSize(mailboxes.bytesMax)}, then ${mailboxes.whenFull}`,
    ...Object.entries(config.queues).map(
      ([name, { topics }]) => `queue ${name}: ${topics.map(printable).join(", ") || "no topics"}`,
    ),
    ...Object.entries(config.groups).map(
      ([name, { members }]) => `group ${name}: ${members.map(printable).join(", ")}`,
    ),
    ...Object.entries(config.bridges).map(([name, { enabled, url, topics }]) => {
      const rules = `${topics.length} ${topics.length === 1 ? "rule" : "rules"}`;
      return `bridge ${name}: ${enabled ? `to ${url.join(", ")}, ${rules}` : "off"}`;
    }),
    `packets: at most ${formatByteSize(limits.packetBytesMax)}`,
    `log: ${config.log.level}, ${config.log.format}`,
  ];
}
