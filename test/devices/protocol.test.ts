import { describe, expect, it } from "vitest";
import { runDevices } from "../../devices/run-devices.ts";
import { startGateway } from "../support/start-gateway.ts";

/** A small fleet at a gateway of this test. */
async function fleet(scenario: string, protocol: string, seed: number) {
  const running = await startGateway({ mailboxes: { messagesMax: 100_000 } });
  const said: string[] = [];
  const urls = ["--url", `mqtt://127.0.0.1:${running.port}`, "--ws-url", `ws://127.0.0.1:${running.webPort}/mqtt`];
  const size = ["--devices", "20", "--seconds", "2", "--seed", String(seed)];
  const code = await runDevices([scenario, ...urls, ...size, "--protocol", protocol, "--quiet"], {
    out: (text) => said.push(text),
    error: (text) => said.push(text),
    progressStream: process.stdout,
    gatewayMain: "there-is-no-gateway-here.js",
    signal: new AbortController().signal,
  });
  return { code, text: said.join(""), running };
}

describe.each(["broadcast", "offline"])("a fleet of the scenario %s", (scenario) => {
  it.each([
    ["5", 1],
    ["mixed", 1],
    ["mixed", 2],
  ])("finds nothing wrong when it speaks MQTT %s (seed %i)", async (protocol, seed) => {
    const { code, text, running } = await fleet(scenario, protocol, seed);
    expect(text).toContain("PASSED");
    expect(code).toBe(0);
    expect(running.log.complaints).toEqual([]);
    expect(running.gateway.broker.connectedClients).toBe(0);
  });
});
