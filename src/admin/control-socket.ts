import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Child } from "../actor/supervisor.ts";
import type { Log } from "../log.ts";
import { WaypostError } from "../waypost-error.ts";
import type { Administration } from "./administration.ts";
import { AdministrationApi } from "./api/administration-api.ts";
import { errorAnswer } from "./api/error-answer.ts";
import { answerByApi, sendAnswer } from "./api/http-exchange.ts";
import { ControlFile } from "./control-file.ts";

/** Open connections at once; further ones are closed. */
const CONNECTIONS_MAX = 64;
/** Time to send a whole request, from the opening of the connection or the first byte on. */
const REQUEST_TIMEOUT_MS = 10_000;
/** A client id of 65,535 bytes, percent-encoded, and what is beside it. */
const HEADER_BYTES_MAX = 256 * 1024;
/** Time to take the answers that are on their way while it stops. */
const STOP_MS = 1000;

export interface ControlSocketOptions {
  /** Of the socket; relative to the working directory. */
  readonly path: string;
  readonly administration: Administration;
  readonly log: Log;
  readonly requestTimeoutMs?: number;
}

/**
 * The administration for programs of the gateway's own user on this machine: HTTP on a Unix domain socket, which the
 * permissions of its file protect.
 */
export class ControlSocket implements Child {
  readonly address = "control";
  readonly #path: string;
  readonly #api: AdministrationApi;
  readonly #log: Log;
  readonly #requestTimeoutMs: number;
  readonly #open = new Set<ServerResponse>();
  #running: { server: Server; file: ControlFile } | null = null;

  constructor({ path, administration, log, requestTimeoutMs = REQUEST_TIMEOUT_MS }: ControlSocketOptions) {
    this.#path = path;
    this.#log = log;
    this.#api = new AdministrationApi({ administration, log });
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  /** @throws ERR_LISTEN with what to do about it */
  async start(): Promise<void> {
    const server = createServer({
      requestTimeout: this.#requestTimeoutMs,
      headersTimeout: this.#requestTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, this.#requestTimeoutMs),
      maxHeaderSize: HEADER_BYTES_MAX,
    });
    server.maxConnections = CONNECTIONS_MAX;
    server.on("drop", () => {
      this.#log.warn(
        { connectionsMax: CONNECTIONS_MAX },
        "the control socket has all the connections that it may have",
      );
    });
    server.on("request", (request, response) => this.#take(request, response));
    const file = await ControlFile.place(server, this.#path);
    server.on("error", (error) => this.#log.warn({ error }, "the control socket could not take a connection"));
    this.#running = { server, file };
  }

  /** Requests that are being worked on are answered with 503; they may still have their effect. */
  async stop(): Promise<void> {
    if (this.#running === null) return;
    const { server, file } = this.#running;
    this.#running = null;
    await file.remove();
    const closed = new Promise((resolve) => server.close(resolve));
    const answer = errorAnswer(new WaypostError("ERR_CLOSED", "the gateway stops"));
    const answered = [...this.#open].map((response) => {
      const gone = once(response, "close");
      sendAnswer(response, { ...answer, headers: { connection: "close" } });
      return gone;
    });
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, STOP_MS);
    });
    await Promise.race([Promise.all(answered), patience]);
    clearTimeout(timer);
    server.closeAllConnections();
    await closed;
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    this.#open.add(response);
    response.once("close", () => this.#open.delete(response));
    void answerByApi(this.#api, request, response);
  }
}
