import type { GatewayConfig } from "../config/schema.ts";
import { createLog, type Log } from "../log.ts";
import type { CommandContext } from "./command-context.ts";
import { type ConfigOptions, configOfOptions } from "./config-of-options.ts";
import { logCrashes } from "./log-crashes.ts";
import { type RunningGateway, superviseGateway } from "./supervise-gateway.ts";
import { tightenHeap } from "./tight-heap.ts";
import { version } from "./version.ts";
import { limitYoungGeneration } from "./young-generation.ts";

/** Both halves of V8's space for young objects. */
const YOUNG_BYTES_MAX = 8 * 1024 * 1024;
const OLD_GROWTH_PERCENT = 20;

/** `waypost start`: runs a gateway until a signal ends it; resolves to the exit code. Errors: those of loadConfig. */
export async function start(options: ConfigOptions, context: CommandContext): Promise<number> {
  const loaded = configOfOptions(options, context);
  const log = createLog(loaded.config.log);
  logCrashes(log);
  limitYoungGeneration(YOUNG_BYTES_MAX);
  const followHeap = tightenHeap(OLD_GROWTH_PERCENT);
  for (const warning of loaded.warnings) log.warn({}, warning);
  const { Gateway } = await import("../gateway.ts");
  return superviseGateway({
    gateway: new Gateway(loaded.config, { log }),
    log,
    signals: context.signals,
    exit: (code) => process.exit(code),
    reload: () => configOfOptions(options, context),
    onReady: (gateway) => {
      followHeap();
      logReady(gateway, loaded.config, log);
    },
  });
}

function logReady(gateway: RunningGateway, { gateway: { name } }: GatewayConfig, log: Log): void {
  const places = [...gateway.addresses].map(([listener, { type, host, port, mqttPath }]) => {
    const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    return type === "http"
      ? `${listener} on http://${authority} (MQTT over WebSocket at ${mqttPath})`
      : `${listener} on mqtt://${authority}`;
  });
  const listeners = Object.fromEntries(gateway.addresses);
  log.info(
    { version, gateway: name, listeners },
    `waypost is ready: ${places.join(", ") || "but no listener is enabled, so that nobody can connect"}`,
  );
}
