import { readFileSync } from "node:fs";
import { connect as connectTcp, isIP } from "node:net";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { createWebSocketStream, WebSocket } from "ws";
import { readUpstreamUrl } from "../config/upstream-url.ts";
import { WaypostError } from "../waypost-error.ts";
import type { BridgeSettings } from "./bridge-settings.ts";

/** A frame of WebSocket may hold many packets [MQTT-6.0.0-2], as many as lay ready. */
const FRAME_BYTES_MIN = 16 * 1024 * 1024;

/**
 * Begins to connect to an upstream. The stream takes bytes at once; what fails comes as its `error`.
 * @throws ERR_UPSTREAM for a URL that is none, and for a certificate or key that cannot be read
 */
export function openStream(url: string, tls: BridgeSettings["tls"], packetBytesMax: number): Duplex {
  const place = readUpstreamUrl(url);
  if ("mistake" in place) throw new WaypostError("ERR_UPSTREAM", `${url} is no URL of an upstream: ${place.mistake}`);
  const { scheme, host, port, path, isEncrypted } = place;
  const secured = isEncrypted ? tlsOptions(tls, host) : {};
  if (scheme === "ws" || scheme === "wss") {
    const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    const socket = new WebSocket(`${scheme}://${authority}${path}`, "mqtt", {
      ...secured,
      perMessageDeflate: false,
      maxPayload: Math.max(FRAME_BYTES_MIN, 2 * packetBytesMax),
    });
    return createWebSocketStream(socket);
  }
  const socket = isEncrypted ? connectTls({ ...secured, host, port }) : connectTcp({ host, port });
  return socket.setNoDelay(true);
}

function tlsOptions({ ca, cert, key, serverName, verify }: BridgeSettings["tls"], host: string): ConnectionOptions {
  const name = serverName !== "" ? serverName : host;
  const options: ConnectionOptions = { rejectUnauthorized: verify };
  if (isIP(name) === 0) options.servername = name; // an address is no name to be asked for (RFC 6066, 3)
  if (ca !== "") options.ca = fileOf(ca, "tls.ca");
  if (cert !== "") options.cert = fileOf(cert, "tls.cert");
  if (key !== "") options.key = fileOf(key, "tls.key");
  return options;
}

/** Read at each attempt: certificates are renewed while the gateway runs. */
function fileOf(path: string, setting: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new WaypostError("ERR_UPSTREAM", `${setting} cannot be read: ${why}`, { cause: error });
  }
}
