import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { listen } from "./listen.ts";
import type { Listener, ListenerAddress, ListenerParts } from "./listener.ts";
import { webSocketStream } from "./web-socket-stream.ts";

export interface HttpListenerOptions {
  host: string;
  port: number;
  connectionsMax: number;
  /** Path of MQTT over WebSocket. */
  mqttPath: string;
  /** Largest WebSocket message that is accepted. */
  messageBytesMax: number;
}

/** Time to send a whole HTTP request. */
const REQUEST_TIMEOUT_MS = 10_000;

/** HTTP, with MQTT over WebSocket (MQTT 3.1.1, chapter 6) on one path. */
export class HttpListener implements Listener {
  readonly #options: HttpListenerOptions;
  readonly #parts: ListenerParts;
  #server: Server | null = null;
  #upgraded = 0;

  constructor(options: HttpListenerOptions, parts: ListenerParts) {
    this.#options = options;
    this.#parts = parts;
  }

  async start(): Promise<ListenerAddress> {
    const { host, port, connectionsMax, mqttPath, messageBytesMax } = this.#options;
    const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS });
    server.maxConnections = connectionsMax;
    server.on("drop", (dropped) => {
      this.#parts.refused(
        `${dropped?.remoteAddress}:${dropped?.remotePort}`,
        `the listener has ${connectionsMax} connections, which is its limit`,
      );
    });
    server.on("request", (request, response) => {
      const here = pathOf(request) === mqttPath;
      response.writeHead(here ? 426 : 404, { "content-type": "text/plain", ...(here ? { upgrade: "websocket" } : {}) });
      response.end(here ? "This is MQTT over WebSocket: connect with the subprotocol mqtt.\n" : "Not found.\n");
    });
    const webSockets = new WebSocketServer({
      noServer: true,
      maxPayload: messageBytesMax,
      perMessageDeflate: false,
      clientTracking: false,
      // The subprotocol was checked before the upgrade [MQTT-6.0.0-4].
      handleProtocols: (protocols) => (protocols.has("mqtt") ? "mqtt" : "mqttv3.1"),
    });
    server.on("upgrade", (request, socket, head) => this.#upgrade(webSockets, request, socket, head));
    const address = await listen(server, host, port);
    server.on("error", (error) => this.#parts.failed(error));
    this.#server = server;
    return address;
  }

  async stop(): Promise<void> {
    this.#server?.close();
    this.#server?.closeIdleConnections();
    this.#server = null;
  }

  #upgrade(webSockets: WebSocketServer, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const remote = `${request.socket.remoteAddress}:${request.socket.remotePort}`;
    socket.on("error", () => socket.destroy()); // until the WebSocket takes over
    const refuse = (status: string, why: string) => {
      this.#parts.refused(remote, why);
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n${why}\n`);
    };
    if (pathOf(request) !== this.#options.mqttPath)
      return refuse("404 Not Found", `no WebSocket at ${pathOf(request)}; MQTT is at ${this.#options.mqttPath}`);
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
    if (!offered.includes("mqtt") && !offered.includes("mqttv3.1")) {
      return refuse("400 Bad Request", "the WebSocket offers no subprotocol mqtt"); // [MQTT-6.0.0-3]
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      this.#upgraded++;
      webSocket.once("close", () => this.#upgraded--);
      this.#parts.accept(
        webSocketStream(webSocket, (why) => this.#parts.refused(remote, why)),
        request,
      );
    });
  }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? "/").split("?", 1)[0] as string;
}
