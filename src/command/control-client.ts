import { type IncomingMessage, request } from "node:http";
import { controlPath } from "../admin/control-path.ts";
import { WaypostError, type WaypostErrorCode } from "../waypost-error.ts";
import type { CommandContext } from "./command-context.ts";
import { type ConfigOptions, configOfOptions } from "./config-of-options.ts";
import { usageError } from "./usage-error.ts";

export interface ControlOptions extends ConfigOptions {
  readonly socket?: string;
  readonly json?: boolean;
}

export interface ControlRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** Levels of the path, not encoded yet. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: object;
  /** Time that the answer may take beyond what every answer may. */
  readonly extraSeconds?: number;
}

const TIMEOUT_SECONDS = 60;

const codes: ReadonlyMap<number, WaypostErrorCode> = new Map([
  [400, "ERR_USAGE"],
  [404, "ERR_NOT_FOUND"],
  [409, "ERR_CONFLICT"],
  [413, "ERR_PACKET_TOO_LARGE"],
]);

/** Asks the gateway that runs, over its control socket. */
export class ControlClient {
  readonly #path: string;

  /** The socket that the options name, or that a gateway of their configuration has. @throws ERR_USAGE, ERR_UPSTREAM where it has none */
  constructor(options: ControlOptions, context: CommandContext) {
    this.#path = options.socket ?? configuredPath(options, context);
    if (this.#path === "") throw usageError("--socket is empty: name the control socket of a gateway");
  }

  /** The body of the answer. @throws what the gateway answered, or ERR_UPSTREAM where nobody did */
  async ask<T>(asked: ControlRequest): Promise<T> {
    const { status, text } = await this.#exchange(asked);
    const body = this.#parsed(text);
    if (status < 300) return body as T;
    const { error } = body as { error?: { message?: string } };
    const message = error?.message ?? `the gateway answered with status ${status}`;
    throw new WaypostError(codes.get(status) ?? "ERR_UPSTREAM", message);
  }

  #exchange({
    method,
    path,
    query,
    body,
    extraSeconds = 0,
  }: ControlRequest): Promise<{ status: number; text: string }> {
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const timeoutSeconds = TIMEOUT_SECONDS + extraSeconds;
    return new Promise((resolve, reject) => {
      const sent = request({
        socketPath: this.#path,
        method,
        path: `/${path.map(encodeURIComponent).join("/")}${queryText(query)}`,
        headers: bytes === undefined ? {} : { "content-type": "application/json", "content-length": bytes.length },
        agent: false,
        timeout: timeoutSeconds * 1000,
      });
      sent.on("timeout", () => {
        const why = `the gateway at ${this.#path} did not answer within ${timeoutSeconds} s: its log may say why`;
        sent.destroy(new WaypostError("ERR_UPSTREAM", why));
      });
      sent.on("error", (error) => reject(this.#problem(error)));
      sent.on("response", (response) => {
        textOf(response).then(
          (text) => resolve({ status: response.statusCode ?? 0, text }),
          (error) => reject(this.#problem(error)),
        );
      });
      sent.end(bytes);
    });
  }

  #parsed(text: string): unknown {
    try {
      const body: unknown = JSON.parse(text);
      if (typeof body === "object" && body !== null) return body;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    throw this.#noControlSocket();
  }

  #problem(error: NodeJS.ErrnoException): WaypostError {
    if (error instanceof WaypostError) return error;
    const { code = "" } = error;
    if (code.startsWith("HPE_")) return this.#noControlSocket();
    return new WaypostError("ERR_UPSTREAM", (advice[code] ?? otherAdvice)(this.#path, error.message), { cause: error });
  }

  #noControlSocket(): WaypostError {
    const why = `what answers at ${this.#path} is no control socket: give the one of a gateway with --socket`;
    return new WaypostError("ERR_UPSTREAM", why);
  }
}

function configuredPath(options: ControlOptions, context: CommandContext): string {
  const { config } = configOfOptions(options, context);
  const path = controlPath(config);
  if (path !== null) return path;
  const why = config.control.enabled
    ? "this configuration has no control socket, because store.engine is memory: set control.path, or name a socket with --socket"
    : "control.enabled is false in this configuration: set it to true, or name a socket with --socket";
  throw new WaypostError("ERR_UPSTREAM", why);
}

const nobody = (path: string) =>
  `no gateway answers at ${path}: is it running (waypost start), and with this configuration? --config chooses one, --socket names the socket itself`;
const gone = (path: string) =>
  `the gateway at ${path} closed the connection without an answer: it may have stopped, or have too many connections; try again`;
const denied = (path: string) => `${path} belongs to another user: only the user that runs the gateway may use it`;
const otherAdvice = (path: string, message: string) => `the gateway at ${path} cannot be asked: ${message}`;

const advice: Readonly<Record<string, typeof otherAdvice>> = {
  ENOENT: nobody,
  ENOTDIR: nobody,
  ECONNREFUSED: nobody,
  ECONNRESET: gone,
  EPIPE: gone,
  EACCES: denied,
  EPERM: denied,
};

function queryText(query: ControlRequest["query"] = {}): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, String(value));
  return given.size === 0 ? "" : `?${given}`;
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
