import type { IncomingMessage, ServerResponse } from "node:http";

/** Reasons why the gateway cannot do all of its work; none where it can. */
export type NotReady = () => readonly string[];

/**
 * Answers `/healthz` (the process serves) and `/readyz` (503 with the reasons while there are some), for whatever
 * watches over the gateway. Returns false where the path is another.
 */
export function answerHealth(
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  notReady: NotReady,
): boolean {
  if (path !== "/healthz" && path !== "/readyz") return false;
  if (request.method !== "GET" && request.method !== "HEAD") {
    answer(response, 405, { status: "method not allowed" }, { allow: "GET, HEAD" });
    return true;
  }
  const reasons = path === "/readyz" ? notReady() : [];
  if (reasons.length > 0) answer(response, 503, { status: "not ready", reasons });
  else answer(response, 200, { status: path === "/readyz" ? "ready" : "healthy" });
  return true;
}

function answer(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  const text = `${JSON.stringify(body)}\n`;
  const common = { "content-type": "application/json", "cache-control": "no-store" };
  response.writeHead(status, { ...common, "content-length": Buffer.byteLength(text), ...headers });
  response.end(text); // Node leaves the body of an answer to HEAD away
}
