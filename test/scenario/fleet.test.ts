import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { runDevices } from "../../devices/run-devices.ts";
import { bundleGateway } from "../devices/bundle-gateway.ts";
import { undyingGateway } from "../devices/undying-gateway.ts";
import { startGateway } from "../support/start-gateway.ts";

async function devices(gatewayMain: string, ...args: string[]) {
  const said: string[] = [];
  const surroundings = {
    out: (text: string) => said.push(text),
    error: (text: string) => said.push(text),
    progressStream: process.stdout,
    gatewayMain,
    signal: new AbortController().signal,
  };
  const code = await runDevices([...args, "--quiet"], surroundings);
  return { code, text: said.join("") };
}

/** A fleet that comes to a gateway of this test. */
function fleet(scenario: string, { port, webPort }: { port: number; webPort: number }, ...more: string[]) {
  const urls = ["--url", `mqtt://127.0.0.1:${port}`, "--ws-url", `ws://127.0.0.1:${webPort}/mqtt`];
  return devices("", scenario, ...urls, ...more);
}

describe("a fleet of simulated devices", () => {
  it("finds nothing lost, duplicated or reordered", async () => {
    const running = await startGateway();
    const { code, text } = await fleet("broadcast", running, "--devices", "20", "--seconds", "2");
    expect(text).toContain("PASSED");
    expect(code).toBe(0);
    expect(running.gateway.broker.connectedClients).toBe(0);
    expect(running.log.complaints).toEqual([]);
  });

  it("notices when the gateway loses messages", async () => {
    const running = await startGateway();
    loseEveryTenth(running);
    const { code } = await fleet("broadcast", running, "--devices", "10", "--seconds", "1", "--late-seconds", "1");
    expect(code).toBe(1);
  });
});

describe("a fleet of devices that are often away", () => {
  const small = ["--devices", "12", "--seconds", "3"];
  const mailboxes = { messagesMax: 100_000 };

  it("finds all that was acknowledged in its mailboxes, and leaves them empty", async () => {
    const running = await startGateway({ mailboxes });
    const { code, text } = await fleet("offline", running, ...small);
    expect(text).toContain("PASSED");
    expect(code).toBe(0);
    expect(running.log.complaints).toEqual([]);
  });

  it("notices when a mailbox loses messages, and names the first", async () => {
    const running = await startGateway({ mailboxes });
    loseEveryTenth(running);
    const { code, text } = await fleet("offline", running, ...small, "--late-seconds", "1");
    expect(code).toBe(1);
    expect(text).toMatch(/ never got number \d+ of dispatcher-1 on devices\/.+\/dispatcher-1\//);
  });

  it("finds it also when the gateway is killed, if that keeps it", async () => {
    const { port } = await startGateway({ mailboxes });
    const main = await undyingGateway(port);
    const { code, text } = await devices(main, "offline", ...small, "--with-gateway", "--kills", "3");
    expect(text).toContain("PASSED");
    expect(code).toBe(0);
  });

  it("finds it when the gateway itself is killed", { timeout: 120_000 }, async () => {
    const main = await bundleGateway();
    const { code, text } = await devices(main, "offline", ...small, "--with-gateway", "--kills", "3");
    expect(text).toContain("PASSED");
    expect(code).toBe(0);
  });
});

describe("all scenarios, small", () => {
  it("find nothing wrong with the gateway, and it is killed in most of them", { timeout: 120_000 }, async () => {
    const main = await bundleGateway();
    const { code, text } = await devices(main, "all", "--with-gateway", "--kills", "1");
    expect(text).toContain("PASSED: all 7 scenarios");
    expect(code).toBe(0);
  });

  it("notice a gateway that gives jobs to nobody", async () => {
    const { port, webPort } = await startGateway(await queuesOf("one"));
    const urls = ["--url", `mqtt://127.0.0.1:${port}`, "--ws-url", `ws://127.0.0.1:${webPort}/mqtt`];
    const small = ["--devices", "14", "--seconds", "1", "--late-seconds", "1"];
    const { code, text } = await devices("", "queue", "--run", "other", ...urls, ...small);
    expect(text).toContain("could not subscribe to $queue/other-");
    expect(code).toBe(1);
  });

  it("use a gateway that was given what --print-config prints", async () => {
    const { port, webPort } = await startGateway(await queuesOf("one"));
    const urls = ["--url", `mqtt://127.0.0.1:${port}`, "--ws-url", `ws://127.0.0.1:${webPort}/mqtt`];
    const { code, text } = await devices("", "queue", "--run", "one", ...urls, "--devices", "14", "--seconds", "2");
    expect(text).toContain("PASSED");
    expect(code).toBe(0);
  });
});

async function queuesOf(name: string): Promise<object> {
  const { text } = await devices("", "queue", "--run", name, "--print-config");
  return parse(text);
}

function loseEveryTenth({ gateway }: Awaited<ReturnType<typeof startGateway>>): void {
  let deliveries = 0;
  gateway.broker.authorizeForward = (_client, packet) => (++deliveries % 10 === 0 ? null : packet);
}
