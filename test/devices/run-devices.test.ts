import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { runDevices } from "../../devices/run-devices.ts";

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

async function devices(...args: string[]): Promise<{ exitCode: number; out: string; error: string }> {
  let out = "";
  let error = "";
  const exitCode = await runDevices(args, {
    out: (text) => {
      out += text;
    },
    error: (text) => {
      error += text;
    },
    progressStream: process.stderr,
    gatewayMain: "there-is-no-gateway-here.js",
    signal: new AbortController().signal,
  });
  return { exitCode, out, error };
}

describe("the devices command", () => {
  it("exits 2 with one line on bad usage", async () => {
    const { exitCode, error } = await devices("broadcast", "--devices", "none");
    expect(exitCode).toBe(2);
    expect(error).toMatch(/^devices: [^\n]*whole number[^\n]*\n$/);
  });

  it("exits 0 after --help", async () => {
    const { exitCode, out } = await devices("--help");
    expect(exitCode).toBe(0);
    expect(out).toContain("--with-gateway");
  });

  it("exits 1 with one line that says what to do when nobody listens", async () => {
    const { server, port } = await listen();
    server.close();
    await once(server, "close");
    const url = `mqtt://127.0.0.1:${port}`;
    const { exitCode, error } = await devices(
      "broadcast",
      "--quiet",
      "--url",
      url,
      "--ws-url",
      `ws://127.0.0.1:${port}`,
    );
    expect(exitCode).toBe(1);
    expect(error).toMatch(/^devices: [^\n]*connection refused[^\n]*npm start[^\n]*--with-gateway\n$/);
  });

  it("exits 1 when something listens that is no MQTT gateway", async () => {
    const { port } = await listen();
    const addresses = ["--url", `mqtt://127.0.0.1:${port}`, "--ws-url", `ws://127.0.0.1:${port}`];
    const { exitCode, error } = await devices("broadcast", "--quiet", ...addresses);
    expect(exitCode).toBe(1);
    expect(error).toMatch(/^devices: [^\n]*could not connect[^\n]*\n$/);
  });

  it("exits 1 with one line when the gateway that it should start is not built", async () => {
    const { exitCode, error } = await devices("broadcast", "--with-gateway");
    expect(exitCode).toBe(1);
    expect(error).toMatch(/^devices: [^\n]*npm run build[^\n]*\n$/);
  });
});
