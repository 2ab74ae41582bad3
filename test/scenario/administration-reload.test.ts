import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it, onTestFinished } from "vitest";
import { freePort } from "../../devices/free-port.ts";
import { createRandom } from "../../devices/random.ts";
import { ask } from "../admin/control-at.ts";
import { bundleGateway } from "../devices/bundle-gateway.ts";
import { Device5 } from "./mqtt5-device.ts";

/** A gateway in a process of its own, with a file that can be changed and read again by SIGHUP. */
async function gatewayWithFile(sections: string) {
  const main = await bundleGateway();
  const directory = await mkdtemp(join(tmpdir(), "waypost-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const port = await freePort(createRandom(Date.now(), "reload"));
  const file = join(directory, "waypost.yaml");
  const write = (more: string) =>
    writeFile(
      file,
      `listeners: { mqtt: { type: tcp, port: ${port} }, web: { type: http, enabled: false } }\nstore: { directory: ${directory}/data }\n${more}`,
    );
  await write(sections);
  let child: ChildProcess | undefined;
  const lines: string[] = [];
  let wake = () => {};
  /** Resolves with the first line after those seen before that has this text. */
  let seen = 0;
  const said = async (text: string): Promise<string> => {
    for (;;) {
      for (; seen < lines.length; seen++) if (lines[seen]!.includes(text)) return lines[seen++]!;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const start = async () => {
    child = spawn(process.execPath, [main, "start", "--config", file], { stdio: ["ignore", "pipe", "pipe"] });
    const { stdout, stderr } = child;
    for (const stream of [stdout!, stderr!]) {
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line);
        wake();
      });
    }
    await said("waypost is ready");
  };
  const end = async (signal: "SIGKILL" | "SIGTERM") => {
    const exited = once(child!, "exit");
    child!.kill(signal);
    await exited;
  };
  onTestFinished(() => void child?.kill("SIGKILL"));
  await start();
  const reload = async (more: string, answer: string) => {
    await write(more);
    child!.kill("SIGHUP");
    return said(answer);
  };
  const get = async (path: string) => (await ask(`${directory}/data/control.sock`, `GET ${path}`)).body;
  return { port, start, end, reload, get, control: `${directory}/data/control.sock` };
}

it("a file that is wrong in one place changes nothing, and a right one changes queues, groups and dead letters", async () => {
  const before = 'queues: { jobs: { topics: ["jobs/#"] } }\ngroups: { floor: { members: ["m-*"] } }\n';
  const { port, reload, get, end, start, control } = await gatewayWithFile(before);
  const publisher = await Device5.connect(port, "publisher");
  await publisher.publishWhole("jobs/1", "one", { qos: 1 });
  const wrong = [
    'queues: { "a/b": {} }',
    'queues: { jobs: { topics: ["jobs/#"], messagesMax: -1 }, fresh: {} }',
    'queues: { fresh: { topics: ["$queue/x"] } }',
    'groups: { "#": { members: ["*"] } }',
    "groups: { floor: { members: [] } }",
    "deadLetters: { messagesMax: many }\nqueues: { fresh: {} }",
    "queues: [",
  ];
  const found = await Promise.all([get("/queues"), get("/groups")]);
  for (const text of wrong) {
    await reload(`${text}\n`, "nothing was changed");
    const now = await Promise.all([get("/queues/jobs"), get("/groups")]);
    expect(now[0]).toMatchObject({ messages: 1, topics: ["jobs/#"], origin: "configuration" });
    expect(now[1]).toEqual(found[1]);
    expect(((await get("/queues")) as { queues: unknown[] }).queues).toHaveLength(1);
  }
  await reload(
    'queues: { fresh: { topics: ["fresh/#"] } }\ngroups: { floor: { members: ["p*"] } }\ndeadLetters: { messagesMax: 2 }\n',
    "configuration reloaded",
  );
  expect(await get("/queues/jobs")).toMatchObject({ origin: "left-over", messages: 1, topics: [] });
  expect(await get("/queues/fresh")).toMatchObject({ origin: "configuration" });
  expect(await get("/groups")).toMatchObject({ groups: [{ name: "floor", devices: ["publisher"] }] });
  for (const payload of ["1", "2", "3"]) expect(await publisher.publishWhole("jobs/1", payload, { qos: 1 })).toBe(0x10);
  for (const payload of ["1", "2", "3"]) await publisher.publishWhole("$queue/none/1", payload, { qos: 1 });
  expect(await get("/dead-letters")).toMatchObject({ kept: { messages: 2 }, counts: { "no-such-queue": 3 } });
  await ask(control, "POST /queues", JSON.stringify({ name: "made", settings: { topics: ["made/#"] } }));
  await publisher.publishWhole("made/1", "made", { qos: 1 });
  await end("SIGKILL");
  await start();
  expect(await get("/queues/made")).toMatchObject({ origin: "created", messages: 1 });
  expect(await get("/queues/jobs")).toMatchObject({ origin: "left-over", messages: 1 });
  await reload(before, "configuration reloaded");
  expect(await get("/queues/jobs")).toMatchObject({ origin: "configuration", messages: 1, topics: ["jobs/#"] });
  await end("SIGTERM");
});
