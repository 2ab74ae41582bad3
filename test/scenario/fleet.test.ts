import { describe, expect, it } from "vitest";
import { runDevices } from "../../devices/run-devices.ts";
import { startGateway } from "../support/start-gateway.ts";

async function fleet(port: number, webPort: number, ...more: string[]) {
  const said: string[] = [];
  const surroundings = {
    out: (text: string) => said.push(text),
    error: (text: string) => said.push(text),
    progressStream: process.stdout,
    gatewayMain: "",
    signal: new AbortController().signal,
  };
  const urls = ["--url", `mqtt://127.0.0.1:${port}`, "--ws-url", `ws://127.0.0.1:${webPort}/mqtt`];
  const code = await runDevices(["broadcast", ...urls, "--seed", "1", "--quiet", ...more], surroundings);
  return { code, text: said.join("") };
}

describe("a fleet of simulated devices", () => {
  it("finds nothing lost, duplicated or reordered", { timeout: 60_000 }, async () => {
    const { gateway, log, port, webPort } = await startGateway();
    const { code, text } = await fleet(port, webPort, "--devices", "20", "--seconds", "2");
    expect(text).toContain("PASSED");
    expect(code).toBe(0);
    expect(gateway.broker.connectedClients).toBe(0);
    expect(log.complaints).toEqual([]);
  });

  it("notices when the gateway loses messages", { timeout: 60_000 }, async () => {
    const { gateway, port, webPort } = await startGateway();
    let deliveries = 0;
    gateway.broker.authorizeForward = (_client, packet) => (++deliveries % 10 === 0 ? null : packet);
    const { code } = await fleet(port, webPort, "--devices", "10", "--seconds", "1", "--late-seconds", "1");
    expect(code).toBe(1);
  });
});
