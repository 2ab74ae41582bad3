import type { EventEmitter } from "node:events";
import type { EdgeBroker } from "../broker/edge-broker.ts";
import type { Log } from "../log.ts";
import { WaypostError } from "../waypost-error.ts";
import type { Connection } from "./connection.ts";

const versions: Record<number, string> = { 3: "3.1", 4: "3.1.1", 5: "5" };

/** One line in the log for each thing that a person who runs the gateway wants to know of its clients. */
export function logEvents(broker: EdgeBroker, log: Log): void {
  broker.on("client", (client) => {
    const { id, version, clean } = client;
    log.info({ device: id, remote: remoteOf(client as Connection), version: versions[version], clean }, "connected");
  });
  broker.on("clientDisconnect", (client) => log.info({ device: client.id }, "disconnected"));
  const failed = (client: unknown, error: Error) => {
    const connection = client as Connection;
    const code = error instanceof WaypostError ? error.code : "ERR_INVARIANT";
    const fields = { device: connection.id || undefined, remote: remoteOf(connection), code };
    const text = `connection closed: ${error.message}`;
    // Lines that drop are everyday business; a port scan or a health check opens and closes.
    if (code === "ERR_STREAM") log.info(fields, text);
    else log.warn(fields, text);
  };
  broker.on("clientError", failed);
  broker.on("connectionError", failed);
  // Without a listener an error of the store would end the process.
  (broker as EventEmitter).on("error", (error: Error) => log.error({ error }, "the broker reports an error"));
}

function remoteOf({ conn, req }: Connection): string | undefined {
  const socket = req?.socket ?? (conn as { remoteAddress?: string; remotePort?: number });
  return socket.remoteAddress === undefined ? undefined : `${socket.remoteAddress}:${socket.remotePort}`;
}
