import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RequestOptions, RequestOutcome } from "../../src/delivery/requests.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { gatewayToAsk } from "./gateway-to-ask.ts";

const root = temporaryDirectory();
const gateway = () => gatewayToAsk(root);

/** Answers a request with its own payload. */
async function echo({ payload }: RequestOptions): Promise<RequestOutcome> {
  return { outcome: "answer", topic: "$reply/x/1", payload, properties: {}, afterMs: 3 };
}

describe("waypost request", () => {
  it("prints the payload of the answer as it is, and a line feed", async () => {
    const { administration, ask } = await gateway();
    administration.onRequest = echo;
    expect(await ask(["request", "-t", "a/b", "-m", "21.5"])).toEqual({ code: 0, out: "21.5\n", err: "" });
    expect(administration.calls).toEqual([
      ["request", { topic: "a/b", payload: Buffer.from("21.5"), timeoutMs: 5000 }],
    ]);
  });

  it("takes the payload from a file or from standard input, and any bytes", async () => {
    const { administration, directory, ask } = await gateway();
    administration.onRequest = echo;
    const file = join(directory, "payload");
    await writeFile(file, Buffer.from([0, 255]));
    await ask(["request", "-t", "a", "-f", file, "--timeout", "0.5", "-q", "2"]);
    await ask(["request", "-t", "a", "-s"], [Buffer.from([1]), Buffer.from([2])]);
    expect(administration.calls).toEqual([
      ["request", { topic: "a", payload: Buffer.from([0, 255]), timeoutMs: 500, qos: 2 }],
      ["request", { topic: "a", payload: Buffer.from([1, 2]), timeoutMs: 5000 }],
    ]);
  });

  it("prints the topic too with -v, and an empty payload as sub does", async () => {
    const { administration, ask } = await gateway();
    administration.onRequest = echo;
    expect(await ask(["request", "-t", "a", "-m", "x", "-v"])).toMatchObject({ out: "$reply/x/1 x\n" });
    expect(await ask(["request", "-t", "a", "-m", "", "-v"])).toMatchObject({ out: "$reply/x/1 (null)\n" });
    expect(await ask(["request", "-t", "a", "-m", ""])).toMatchObject({ code: 0, out: "" });
    expect(JSON.parse((await ask(["request", "-t", "a", "-m", "x", "--json"])).out)).toEqual({
      outcome: "answer",
      topic: "$reply/x/1",
      payload: "eA==",
      properties: {},
      afterMs: 3,
    });
  });

  it("exits with 1 where nobody answers to the topic", async () => {
    const { ask } = await gateway();
    expect(await ask(["request", "-t", "a/b", "-m", "x"])).toEqual({
      code: 1,
      out: "",
      err: "waypost request: no responder: nobody subscribes to a/b\n",
    });
    expect(await ask(["request", "-t", "a", "-m", "x", "--json"])).toMatchObject({
      code: 1,
      out: '{"outcome":"no-responder"}\n',
    });
  });

  it("exits with 27 where no answer came in time", async () => {
    const { administration, ask } = await gateway();
    administration.onRequest = async () => ({ outcome: "timeout" });
    expect(await ask(["request", "-t", "a/b", "-m", "x", "--timeout", "1.5"])).toEqual({
      code: 27,
      out: "",
      err: "waypost request: no answer came within 1.5 s\n",
    });
  });

  it("exits with 1 where the gateway stops meanwhile", async () => {
    const { administration, control, ask } = await gateway();
    administration.onRequest = () => {
      void control.stop();
      return new Promise(() => {});
    };
    expect(await ask(["request", "-t", "a", "-m", "x"])).toEqual({
      code: 1,
      out: "",
      err: "waypost request: the gateway stops\n",
    });
  });

  it.each<[args: string[], text: string]>([
    [["-m", "x"], "-t is missing"],
    [["-t", "a"], "no message: give one with -m, -f FILE or -s"],
    [["-t", "a", "-m", "x", "-s"], "only one of -m, -f and -s"],
    [["-t", "a", "-f", "/no/such/file"], "-f /no/such/file cannot be read"],
    [["-t", "a", "-m", "x", "-q", "3"], "-q is a whole number from 0 to 2, not 3"],
    [["-t", "a", "-m", "x", "--timeout", "0"], "--timeout is a number of seconds above 0 and up to 3600, not 0"],
    [["-t", "a", "-m", "x", "--timeout", "3601"], "--timeout is a number of seconds"],
    [["-t", "a", "-m", "x", "--timeout", "1e3"], "--timeout is a number of seconds"],
    [["-t", "a", "-m", "x".repeat(6_000_001)], "the message is longer than 6000000 bytes"],
    [["-t", "a", "-s"], "the message is longer than 6000000 bytes"],
  ])("is wrong usage with %.60j", async (args, text) => {
    const { administration, ask } = await gateway();
    const { code, out, err } = await ask(["request", ...args], [Buffer.alloc(6_000_001)]);
    expect({ code, out, err }).toEqual({ code: 2, out: "", err: expect.stringContaining(text) });
    expect(administration.calls).toEqual([]);
  });

  it("takes a payload of six million bytes", async () => {
    const { administration, ask } = await gateway();
    administration.onRequest = echo;
    const { code, out } = await ask(["request", "-t", "a", "-s"], [Buffer.alloc(6_000_000, "x")]);
    expect([code, out.length]).toEqual([0, 6_000_001]);
  });
});
