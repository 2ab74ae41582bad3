import { onTestFinished } from "vitest";
import type { Clock } from "../../src/actor/clock.ts";
import { configSchema, type GatewayConfig } from "../../src/config/schema.ts";
import { Gateway } from "../../src/gateway.ts";
import { LogRecorder } from "./log-recorder.ts";

type ConfigInput = Parameters<typeof configSchema.parse>[0];

export interface RunningGateway {
  gateway: Gateway;
  log: LogRecorder;
  /** Port of MQTT over TCP. */
  port: number;
  /** Port of HTTP with MQTT over WebSocket. */
  webPort: number;
}

/** A configuration with both listeners on free ports and a store in memory, and what `changes` sets beside them. */
export function testConfig(changes: object = {}): GatewayConfig {
  const listeners = { mqtt: { type: "tcp", port: 0 }, web: { type: "http", port: 0 } };
  return configSchema.parse({ listeners, store: { engine: "memory" }, ...changes } as ConfigInput);
}

/** Starts a gateway for one test; it is stopped when the test is finished. */
export async function startGateway(changes: object = {}, clock?: Clock): Promise<RunningGateway> {
  const log = new LogRecorder();
  const gateway = new Gateway(testConfig(changes), { log, ...(clock === undefined ? {} : { clock }) });
  await gateway.start();
  onTestFinished(() => gateway.stop());
  const portOf = (name: string) => gateway.addresses.get(name)?.port ?? 0;
  return { gateway, log, port: portOf("mqtt"), webPort: portOf("web") };
}
