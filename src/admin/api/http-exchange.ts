import type { IncomingMessage, ServerResponse } from "node:http";
import { WaypostError } from "../../waypost-error.ts";
import type { AdministrationApi } from "./administration-api.ts";
import { bodyBytesMax } from "./body-limits.ts";
import { errorAnswer } from "./error-answer.ts";
import type { ApiAnswer } from "./route.ts";

/** How long whoever asked may take nothing of the answer. */
const ANSWER_TIMEOUT_MS = 30_000;

/** Answers one HTTP request by the administration. Never rejects. */
export async function answerByApi(
  api: AdministrationApi,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await bodyOf(request).catch((error: unknown) => error);
  if (!Buffer.isBuffer(body)) return sendAnswer(response, { ...errorAnswer(body), headers: { connection: "close" } });
  const [path = "", ...query] = (request.url ?? "").split("?");
  sendAnswer(response, await api.handle({ method: request.method ?? "", path, query: query.join("?"), body }));
}

/** Sends an answer, unless one is on its way or nobody is there any more. */
export function sendAnswer(response: ServerResponse, { status, body, headers = {} }: ApiAnswer): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = Buffer.from(`${JSON.stringify(body)}\n`);
  response.setTimeout(ANSWER_TIMEOUT_MS);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": bytes.length,
    "cache-control": "no-store",
    ...headers,
  });
  response.end(bytes);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const tooLong = () =>
    new WaypostError("ERR_PACKET_TOO_LARGE", `body: it is longer than ${bodyBytesMax} bytes: send less at once`);
  if (Number(request.headers["content-length"] ?? 0) > bodyBytesMax) throw tooLong();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw tooLong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
