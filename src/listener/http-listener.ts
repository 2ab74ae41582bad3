import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { answerHealth, type NotReady } from "./answer-health.ts";
import { listen } from "./listen.ts";
import type { Listener, ListenerAddress, ListenerParts } from "./listener.ts";
import { isWelcome } from "./web-origin.ts";
import { webSocketStream } from "./web-socket-stream.ts";

export interface HttpListenerOptions {
  host: string;
  port: number;
  connectionsMax: number;
  /** Web origins whose pages may connect, separated by spaces: see `isWelcome`. */
  origins: string;
  /** Path of MQTT over WebSocket. */
  mqttPath: string;
  /** Largest WebSocket message that is accepted; asked for each connection. */
  messageBytesMax: () => number;
  /** Asked for each request of `/readyz`. */
  notReady: NotReady;
}

/** Time to send a whole HTTP request, and how often Node looks whether it is over. */
const REQUEST_TIMEOUT_MS = 10_000;
const REQUEST_SWEEP_MS = 1000;

/** HTTP: MQTT over WebSocket (MQTT 3.1.1, chapter 6) on one path, and the health of the gateway. */
export class HttpListener implements Listener {
  readonly #options: HttpListenerOptions;
  readonly #parts: ListenerParts;
  #server: Server | null = null;

  constructor(options: HttpListenerOptions, parts: ListenerParts) {
    this.#options = options;
    this.#parts = parts;
  }

  async start(): Promise<ListenerAddress> {
    const { host, port, connectionsMax, mqttPath } = this.#options;
    const server = createServer({
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: REQUEST_SWEEP_MS,
    });
    server.maxConnections = connectionsMax;
    server.on("drop", (dropped) => {
      this.#parts.refused(
        `${dropped?.remoteAddress}:${dropped?.remotePort}`,
        `the listener has ${connectionsMax} connections, which is its limit`,
      );
    });
    server.on("request", (request, response) => {
      if (answerHealth(pathOf(request), request, response, this.#options.notReady)) return;
      const here = pathOf(request) === mqttPath;
      response.writeHead(here ? 426 : 404, { "content-type": "text/plain", ...(here ? { upgrade: "websocket" } : {}) });
      response.end(
        here
          ? "This is MQTT over WebSocket: connect with the subprotocol mqtt.\n"
          : `Not found. MQTT over WebSocket is at ${mqttPath}.\n`,
      );
    });
    const webSockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      clientTracking: false,
      // The subprotocol was checked before the upgrade [MQTT-6.0.0-4].
      handleProtocols: (protocols) => (protocols.has("mqtt") ? "mqtt" : "mqttv3.1"),
    });
    webSockets.on("wsClientError", (error, socket, request) => {
      this.#turnAway(socket, remoteOf(request.socket), "400 Bad Request", error.message);
    });
    server.on("upgrade", (request, socket, head) => this.#upgrade(webSockets, request, socket, head));
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => this.#unreadable(error, socket));
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
    const remote = remoteOf(request.socket);
    socket.on("error", () => socket.destroy()); // until the WebSocket takes over
    const refuse = (status: string, why: string) => this.#turnAway(socket, remote, status, why);
    if (pathOf(request) !== this.#options.mqttPath)
      return refuse("404 Not Found", `no WebSocket at ${pathOf(request)}; MQTT is at ${this.#options.mqttPath}`);
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
    if (!offered.includes("mqtt") && !offered.includes("mqttv3.1")) {
      return refuse("400 Bad Request", "the WebSocket offers no subprotocol mqtt"); // [MQTT-6.0.0-3]
    }
    const { origin, host } = request.headers;
    if (!isWelcome(origin, host, this.#options.origins)) {
      return refuse("403 Forbidden", `pages of ${origin} are not welcome; name them in origins of this listener`);
    }
    // ws reads it for each connection; a reload may have changed it.
    webSockets.options.maxPayload = this.#options.messageBytesMax();
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      this.#parts.accept(
        webSocketStream(webSocket, (why) => this.#parts.refused(remote, why)),
        request,
      );
    });
  }

  #turnAway(socket: Duplex, remote: string, status: string, why: string): void {
    this.#parts.refused(remote, why);
    // A peer that keeps its end open must not keep a place among the connections.
    socket.once("finish", () => socket.destroy());
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n${why}\n`);
  }

  /** What came is no HTTP request, or stopped in the middle of one. */
  #unreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
    const { code = "" } = error;
    // Lines that drop are everyday business.
    if (!socket.writable || !code.startsWith("HPE_") || code === "HPE_INVALID_EOF_STATE") {
      socket.destroy();
      return;
    }
    const why = "what came is not HTTP; for MQTT over TCP, use the port of a tcp listener";
    this.#turnAway(socket, remoteOf(socket as Socket), "400 Bad Request", why);
  }
}

function remoteOf(socket: Pick<Socket, "remoteAddress" | "remotePort">): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? "/").split("?", 1)[0] as string;
}
