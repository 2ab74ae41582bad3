import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { gatewayToAsk, waypost } from "./gateway-to-ask.ts";

const root = temporaryDirectory();
const gateway = () => gatewayToAsk(root);

describe("the control socket that a command asks", () => {
  it("is the one of the configuration", async () => {
    const { directory, path } = await gateway();
    expect(await waypost(["queues", "--set", `store.directory=${directory}`])).toMatchObject({ code: 0 });
    const memory = ["--set", "store.engine=memory"];
    expect(await waypost(["queues", ...memory, "--set", `control.path=${path}`])).toMatchObject({ code: 0 });
    expect(await waypost(["queues", ...memory])).toEqual({
      code: 1,
      out: "",
      err: "waypost queues: this configuration has no control socket, because store.engine is memory: set control.path, or name a socket with --socket\n",
    });
    expect(await waypost(["queues", "--set", "control.enabled=false"])).toMatchObject({
      code: 1,
      err: expect.stringContaining("control.enabled is false in this configuration"),
    });
    expect(await waypost(["queues", "--set", "log.level=loud"])).toMatchObject({ code: 3 });
    expect(await waypost(["queues", "--socket", ""])).toMatchObject({
      code: 2,
      err: expect.stringContaining("is empty"),
    });
  });

  it("says what to do where no gateway is, in one line", async () => {
    const { control, path, ask } = await gateway();
    await control.stop();
    const err = `waypost queues: no gateway answers at ${path}: is it running (waypost start), and with this configuration? --config chooses one, --socket names the socket itself\n`;
    expect(await ask(["queues"])).toEqual({ code: 1, out: "", err });
    await writeFile(path, "");
    expect(await ask(["queues"])).toEqual({ code: 1, out: "", err });
  });

  it.each<[what: string, answer: (socket: Socket) => void, text: string]>([
    ["says nothing sensible", (socket) => socket.end("4711"), "is no control socket: give the one of a gateway"],
    [
      "answers something else",
      (socket) => socket.end("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"),
      "is no control socket",
    ],
    [
      "answers a number",
      (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n5"),
      "is no control socket",
    ],
    [
      "fails in a way of its own",
      (socket) => socket.end("HTTP/1.1 502 Oh\r\nContent-Length: 2\r\n\r\n{}"),
      "the gateway answered with status 502",
    ],
    ["closes the connection", (socket) => socket.end(), "closed the connection without an answer"],
    [
      "closes it in the middle",
      (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"),
      "closed the connection without an answer",
    ],
  ])("may be of somebody who %s", async (_what, answer, text) => {
    const path = join(await mkdtemp(join(root, "o-")), "other.sock");
    const server = createServer((socket) => socket.once("data", () => answer(socket))).listen(path);
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { code, out, err } = await waypost(["queues", "--socket", path]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain(text);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
  });

  it("is not asked where there is more to say", async () => {
    expect(await waypost(["dead-letters"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("Usage: waypost dead-letters"),
    });
  });

  it.each<[args: string[], text: string]>([
    [["queues", "jobs"], "waypost queues: jobs is no command here: is waypost queues show jobs meant?"],
    [["queues", "list", "jobs"], "is waypost queues show jobs meant?"],
    [["mailboxes", "lamp"], "is waypost mailboxes show lamp meant?"],
    [["queues", "--bogus"], "unknown option '--bogus'"],
    [["queues", "show"], "missing required argument 'name'"],
    [["queues", "create", "x", "--setting", "deliveriesMax"], "--setting is key=value, such as deliveriesMax=5"],
    [["queues", "create", "x", "--setting", "=5"], "--setting is key=value"],
    [["queues", "create", "x", "--setting", "a=1", "--setting", "a=2"], "a is given twice"],
    [
      ["queues", "create", "x", "--topic", "a", "--setting", "topics=[a]"],
      "topics is given twice: --topic is the same",
    ],
    [["queues", "move", "a", "b", "--max", "0"], "--max is a whole number from 1 to 4294967295, not 0"],
    [
      ["queues", "move", "a", "device:"],
      "device: names nothing: give queue:<name>, device:<client id> or bridge:<name>",
    ],
    [["dead-letters", "list", "--max", "many"], "--max is a whole number"],
    [["dead-letters", "show", "x"], "the id of a dead letter is a whole number"],
    [["dead-letters", "requeue"], "say which dead letters: their ids, --reason, --destination or --all"],
    [["dead-letters", "purge", "--force", "1"], "unknown option '--force'"],
    [["dead-letters", "purge", "1", "--all"], "give ids, or --all, but not both"],
  ])("is not asked where the usage is wrong: %j", async (args, text) => {
    const { administration, ask } = await gateway();
    expect(await ask(args)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(text) });
    expect(administration.calls).toEqual([]);
  });
});
