import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { HttpListener } from "../../src/listener/http-listener.ts";
import { startGateway } from "../support/start-gateway.ts";

async function ask(port: number, path: string, method = "GET") {
  const sent = request({ host: "127.0.0.1", port, path, method }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

async function open(reasons: string[]): Promise<number> {
  const options = { host: "127.0.0.1", port: 0, connectionsMax: 10, mqttPath: "/mqtt", origins: "" };
  const listener = new HttpListener(
    { ...options, messageBytesMax: () => 1024, notReady: () => reasons },
    { accept: () => {}, refused: () => {}, failed: () => {} },
  );
  onTestFinished(() => listener.stop());
  return (await listener.start()).port;
}

describe("the health of a gateway", () => {
  it("is ready while there is no reason against it", async () => {
    const port = await open([]);
    const { status, headers, body } = await ask(port, "/readyz?verbose");
    expect({ status, body }).toEqual({ status: 200, body: '{"status":"ready"}\n' });
    expect(headers).toMatchObject({ "cache-control": "no-store", "content-type": "application/json" });
  });

  it("is not ready for these reasons, and serves all the same", async () => {
    const reasons = ["the store cannot be written: ENOSPC"];
    const port = await open(reasons);
    const { status, body } = await ask(port, "/readyz");
    expect({ status, body: JSON.parse(body) }).toEqual({ status: 503, body: { status: "not ready", reasons } });
    expect(await ask(port, "/healthz")).toMatchObject({ status: 200, body: '{"status":"healthy"}\n' });
    reasons.pop();
    expect((await ask(port, "/readyz")).status).toBe(200);
  });

  it("answers HEAD without a body, and no other method", async () => {
    const port = await open([]);
    expect(await ask(port, "/readyz", "HEAD")).toMatchObject({ status: 200, body: "" });
    expect(await ask(port, "/healthz", "POST")).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
  });

  it("is that of the store", async () => {
    const { gateway, webPort } = await startGateway();
    expect((await ask(webPort, "/readyz")).status).toBe(200);
    const failing = { failing: "EIO", bytesWritten: 0, messagesWritten: 0, commits: 0, bytesOnDisk: 0, files: 1 };
    vi.spyOn(gateway.broker.store, "report").mockReturnValue(failing);
    const { status, body } = await ask(webPort, "/readyz");
    const reasons = ["the store cannot be written: EIO"];
    expect({ status, body: JSON.parse(body) }).toEqual({ status: 503, body: { status: "not ready", reasons } });
  });
});
