import { createServer, type Server } from "node:net";
import { listen } from "./listen.ts";
import type { Listener, ListenerAddress, ListenerParts } from "./listener.ts";
import { slabSocket } from "./slab-socket.ts";

export interface TcpListenerOptions {
  host: string;
  port: number;
  connectionsMax: number;
}

/** MQTT over TCP. */
export class TcpListener implements Listener {
  readonly #options: TcpListenerOptions;
  readonly #parts: ListenerParts;
  #server: Server | null = null;
  #connections = 0;

  /** One function for all connections: a closure for each is memory for each. */
  readonly #closed = (): void => {
    this.#connections--;
  };

  constructor(options: TcpListenerOptions, parts: ListenerParts) {
    this.#options = options;
    this.#parts = parts;
  }

  async start(): Promise<ListenerAddress> {
    const { host, port, connectionsMax } = this.#options;
    const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
      if (this.#connections >= connectionsMax) {
        const why = `the listener has ${connectionsMax} connections, which is its limit`;
        this.#parts.refused(`${socket.remoteAddress}:${socket.remotePort}`, why);
        socket.destroy();
        return;
      }
      this.#connections++;
      const stream = slabSocket(socket);
      stream.on("close", this.#closed);
      this.#parts.accept(stream);
    });
    const address = await listen(server, host, port);
    server.on("error", (error) => this.#parts.failed(error));
    this.#server = server;
    return address;
  }

  async stop(): Promise<void> {
    this.#server?.close();
    this.#server = null;
  }
}
