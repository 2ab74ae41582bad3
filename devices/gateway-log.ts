const linesMax = 10;

/** Reads the JSON lines of a gateway: where it listens, whether it is ready, what it complains about. */
export class GatewayLog {
  /** Fulfilled with the addresses once the gateway is ready and listens for TCP and WebSocket. */
  readonly ready: Promise<{ url: string; wsUrl: string }>;
  /** Its last lines of any kind, for whoever has to find out why it did not start. */
  readonly lastLines: string[] = [];
  /** Its last warnings and errors. */
  readonly complaints: string[] = [];
  #url: string | undefined;
  #wsUrl: string | undefined;
  #becomeReady: (addresses: { url: string; wsUrl: string }) => void = () => {};

  constructor() {
    this.ready = new Promise((resolve) => {
      this.#becomeReady = resolve;
    });
  }

  read(line: string): void {
    keep(this.lastLines, line);
    const entry = parse(line);
    if (entry === undefined) return;
    if (entry.level === "warn" || entry.level === "error") keep(this.complaints, line);
    if (entry.msg === "listening") this.#listening(entry);
    if (String(entry.msg).startsWith("waypost is ready") && this.#url !== undefined && this.#wsUrl !== undefined) {
      this.#becomeReady({ url: this.#url, wsUrl: this.#wsUrl });
    }
  }

  #listening({ type, host, port, mqttPath = "/mqtt" }: Record<string, unknown>): void {
    const authority = `${String(host).includes(":") ? `[${host}]` : host}:${port}`;
    if (type === "tcp") this.#url = `mqtt://${authority}`;
    if (type === "http") this.#wsUrl = `ws://${authority}${mqttPath}`;
  }
}

function keep(lines: string[], line: string): void {
  lines.push(line);
  if (lines.length > linesMax) lines.shift();
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === "object" && entry !== null ? (entry as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
