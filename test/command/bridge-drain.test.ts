import { describe, expect, it } from "vitest";
import { drainBridge } from "../../src/command/bridge-drain.ts";
import { bridgeReport } from "../admin/fake-bridges.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { capturedContext } from "./captured-context.ts";
import { gatewayToAsk } from "./gateway-to-ask.ts";

const root = temporaryDirectory();

/** A bridge that is seen with so many messages at each look, draining at all but the last one. */
async function draining(messages: readonly number[], last: Parameters<typeof bridgeReport>[0] = {}) {
  const { administration, path } = await gatewayToAsk(root);
  const looks = messages.map((count) => bridgeReport({ draining: true, messages: count, bytes: count * 100 }));
  administration.looks.push(...looks.slice(0, -1), { ...looks.at(-1)!, draining: false, ...last });
  const waits: number[] = [];
  let now = 0;
  const clock = {
    now: () => now,
    wait: async (ms: number) => {
      waits.push(ms);
      now += ms;
    },
  };
  const drain = async (options: { timeout?: string; json?: boolean } = {}, isTerminal = false) => {
    const { context, stdout, stderr } = capturedContext();
    if (isTerminal) Object.assign(stderr, { isTTY: true });
    const code = await drainBridge("cloud", { socket: path, ...options }, context, clock);
    return { code, out: stdout.text, err: stderr.text };
  };
  return { administration, drain, waits };
}

describe("waypost bridges drain", () => {
  it("asks for it, and looks until it is through", async () => {
    const { administration, drain, waits } = await draining([120, 60, 20, 3, 0]);
    expect(await drain()).toEqual({ code: 0, out: "drained the bridge cloud\n", err: "" });
    expect(administration.calls).toEqual([["drainBridge", "cloud"]]);
    expect(waits).toEqual([50, 100, 200, 400]);
  });

  it("ends at once where nothing waits", async () => {
    const { drain, waits } = await draining([0]);
    expect(await drain({ timeout: "5" })).toMatchObject({ code: 0 });
    expect(waits).toEqual([]);
  });

  it("says what came meanwhile, and what is stranded", async () => {
    const { drain } = await draining([9, 7], { stranded: 4 });
    const out = "drained the bridge cloud; 3 messages came meanwhile; 4 stranded stay: no rule matches them any more\n";
    expect(await drain()).toEqual({ code: 0, out, err: "" });
  });

  it("tells its progress on a terminal, on one line that it clears", async () => {
    const { drain } = await draining([1, 0]);
    expect((await drain({}, true)).err).toBe(
      "\r\u001b[K1 message left, 100 B, 0 in flight, 0/s; connected, draining\r\u001b[K",
    );
  });

  it("exits with 27 when time runs out, and says what is left", async () => {
    const lastError = { at: "2023-11-14T22:13:20.000Z", message: "connect ECONNREFUSED" };
    const waiting = { state: "waiting", draining: true, lastError } as const;
    const { drain, waits } = await draining([120, 120, 120, 120, 120, 120], waiting);
    expect(await drain({ timeout: "1" })).toEqual({
      code: 27,
      out: "",
      err: "waypost bridges drain: the bridge cloud is not through after 1 s and goes on (waiting, draining, last error: connect ECONNREFUSED); 120 messages left, 11.7 KiB, 0 in flight\n",
    });
    expect(waits).toEqual([50, 100, 200, 400, 250]);
  });

  it.each([{ paused: true }, { state: "disabled" }, { state: "left-over" }] as const)(
    "exits with 1 where it ends because of %j",
    async (last) => {
      const { drain } = await draining([120, 60], last);
      expect(await drain()).toMatchObject({
        code: 1,
        out: "",
        err: expect.stringMatching(/does not drain any more: .*; 60 messages left, /),
      });
      const waitsForever = await draining([120, 60, 60], { draining: true, ...last });
      expect(await waitsForever.drain()).toMatchObject({ code: 1 });
      expect(await (await draining([120, 0], last)).drain()).toMatchObject({ code: 0 });
    },
  );

  it("ends with the report of the bridge in JSON", async () => {
    const { drain } = await draining([120, 0]);
    const { code, out } = await drain({ json: true });
    expect({ code, report: JSON.parse(out) }).toEqual({ code: 0, report: bridgeReport() });
  });

  it.each(["0", "-1", "1.5", "soon"])("refuses a --timeout of %s", async (timeout) => {
    const { administration, drain } = await draining([0]);
    await expect(drain({ timeout })).rejects.toMatchObject({ code: "ERR_USAGE" });
    expect(administration.calls).toEqual([]);
  });
});
