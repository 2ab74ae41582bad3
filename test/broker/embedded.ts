import { once } from "node:events";
import { createRequire } from "node:module";
import { type AddressInfo, createServer } from "node:net";
import { onTestFinished } from "vitest";
import type { Clock } from "../../src/actor/clock.ts";
import type { AedesOptions, EdgeBroker } from "../../src/broker/edge-broker.ts";
import { type AssembledBroker, assembleBroker, createBroker } from "../../src/create-broker.ts";
import { type DeviceSettings, defaultDeviceSettings } from "../../src/device/device-settings.ts";
import { logEvents } from "../../src/device/log-events.ts";
import type { AedesPersistence } from "../../src/store/foreign-store.ts";
import { LogRecorder } from "../support/log-recorder.ts";

const AsyncPersistence = createRequire(import.meta.url)("aedes-persistence/asyncPersistence.js");

/** The memory persistence of aedes-persistence. */
export function foreignPersistence(): AedesPersistence {
  return new AsyncPersistence();
}

/** A broker as someone who embeds aedes would run it, behind a server of their own. */
export async function embed(options: AedesOptions = {}): Promise<{ broker: EdgeBroker; port: number }> {
  const broker = await createBroker(options);
  return { broker, port: await serve(broker) };
}

/** The same with its parts in reach, a log, and a clock that the test moves. */
export async function embedParts(
  parts: { clock?: Clock; settings?: Partial<DeviceSettings>; options?: AedesOptions } = {},
): Promise<AssembledBroker & { port: number; log: LogRecorder }> {
  const log = new LogRecorder();
  const { mailboxes } = defaultDeviceSettings;
  const settings = { ...defaultDeviceSettings, mailboxes: { ...mailboxes }, ...parts.settings };
  const clock = parts.clock === undefined ? {} : { clock: parts.clock };
  const assembled = assembleBroker(parts.options ?? {}, { log, settings, ...clock });
  logEvents(assembled.broker, log);
  await assembled.broker.listen();
  return { ...assembled, port: await serve(assembled.broker), log };
}

async function serve(broker: EdgeBroker): Promise<number> {
  const server = createServer(broker.handle).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.close();
    await new Promise<void>((resolve) => broker.close(() => resolve()));
  });
  return (server.address() as AddressInfo).port;
}

/** What the callback of aedes is called with: resolves, or rejects with its error. */
export function done(call: (callback: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => call((error) => (error ? reject(error) : resolve())));
}
