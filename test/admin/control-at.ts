import { request } from "node:http";
import { onTestFinished } from "vitest";
import { ControlSocket } from "../../src/admin/control-socket.ts";
import { LogRecorder } from "../support/log-recorder.ts";
import { FakeAdministration } from "./fake-administration.ts";

/** A control socket that is not started, with an administration made for the test. */
export function controlAt(path: string, options: { requestTimeoutMs?: number } = {}) {
  const administration = new FakeAdministration();
  const log = new LogRecorder();
  const control = new ControlSocket({ path, administration, log, ...options });
  onTestFinished(() => control.stop());
  return { administration, log, control, path };
}

/** Sends one request, and returns its answer. */
export function ask(
  path: string,
  line: string,
  body: string | Buffer = "",
  headers: Record<string, string | number> = {},
) {
  const [method, target] = line.split(" ");
  return new Promise<{ status: number; headers: Record<string, unknown>; body: unknown }>((resolve, reject) => {
    const sent = request({ socketPath: path, method, path: target, headers, agent: false }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(text) });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
