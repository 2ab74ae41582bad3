import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { ask, controlAt } from "./control-at.ts";

const root = temporaryDirectory();
const freshPath = async () => join(await mkdtemp(join(root, "c-")), "control.sock");

async function started(options: { requestTimeoutMs?: number } = {}) {
  const made = controlAt(await freshPath(), options);
  await made.control.start();
  return made;
}

const modeOf = (path: string) => lstatSync(path).mode & 0o777;

/** Leaves a socket behind, as a gateway does that was killed. */
async function killedAt(path: string): Promise<void> {
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => console.log("up"))`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(existsSync(path)).toBe(true);
}

describe("a control socket whose place is taken", () => {
  it("replaces what a gateway left behind that was killed", async () => {
    const path = await freshPath();
    await killedAt(path);
    const { control } = controlAt(path);
    await control.start();
    expect(await ask(path, "GET /groups")).toMatchObject({ status: 200 });
    expect([modeOf(path), readdirSync(join(path, ".."))]).toEqual([0o600, ["control.sock"]]);
  });

  it("leaves the socket of a living gateway alone, and says what to do", async () => {
    const { path } = await started();
    const { control } = controlAt(path);
    await expect(control.start()).rejects.toMatchObject({
      code: "ERR_LISTEN",
      message: `cannot listen on the control socket ${path}: another gateway answers there: stop it, or give this one a control.path of its own`,
    });
    await control.stop();
    expect(await ask(path, "GET /groups")).toMatchObject({ status: 200 });
    expect(readdirSync(join(path, ".."))).toEqual(["control.sock"]);
  });

  it("of two that start at once in a place that was left behind, one gets it and the other says so", async () => {
    const path = await freshPath();
    await killedAt(path);
    const both = [controlAt(path), controlAt(path)].map(({ control }) => control.start());
    const results = await Promise.allSettled(both);
    expect(results.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect(results.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "ERR_LISTEN" } });
    expect(await ask(path, "GET /groups")).toMatchObject({ status: 200 });
  });

  it.each<[what: string, make: (path: string) => void]>([
    ["a file", (path) => writeFileSync(path, "mine")],
    ["a folder", (path) => mkdirSync(path)],
    ["a link", (path) => symlinkSync("/nowhere", path)],
  ])("leaves %s alone, and says what to do", async (_what, make) => {
    const path = await freshPath();
    make(path);
    const inode = lstatSync(path).ino;
    await expect(controlAt(path).control.start()).rejects.toMatchObject({
      code: "ERR_LISTEN",
      message: expect.stringContaining(`${path}: something else has this name: remove it, or set another control.path`),
    });
    expect(lstatSync(path).ino).toBe(inode);
  });

  it("of another kind of server is taken for a living one", async () => {
    const path = await freshPath();
    const server = createServer().listen(path);
    await once(server, "listening");
    onTestFinished(() => void server.close());
    await expect(controlAt(path).control.start()).rejects.toThrow("another gateway answers there");
  });
});

describe("a control socket that cannot be", () => {
  it.each([
    ["control.sock", 107],
    ["c", 96],
  ])("with the name %s may have a path of %i bytes, and says so where it is longer", async (name, bytesMax) => {
    const folder = await mkdtemp(join(root, "c-"));
    const longest = join(folder, "x".repeat(bytesMax - folder.length - name.length - 2), name);
    expect(longest).toHaveLength(bytesMax);
    const { control } = controlAt(longest);
    await control.start();
    expect(await ask(longest, "GET /groups")).toMatchObject({ status: 200 });
    const longer = longest.replace("xx", "xxx");
    await expect(controlAt(longer).control.start()).rejects.toMatchObject({
      code: "ERR_LISTEN",
      message: `cannot listen on the control socket ${longer}: its path has ${bytesMax + 1} bytes, and the system allows ${bytesMax} here: set a shorter control.path`,
    });
  });

  it("says so where a part of its path is no folder", async () => {
    const path = await freshPath();
    writeFileSync(path, "");
    await expect(controlAt(join(path, "control.sock")).control.start()).rejects.toMatchObject({
      code: "ERR_LISTEN",
      message: expect.stringContaining("a part of its path is no folder: set control.path to a place where"),
    });
  });

  it.skipIf(process.getuid?.() === 0)("says so where the gateway may not write", async () => {
    const folder = join(await mkdtemp(join(root, "c-")), "a");
    mkdirSync(folder);
    chmodSync(folder, 0o500);
    await expect(controlAt(join(folder, "control.sock")).control.start()).rejects.toMatchObject({
      code: "ERR_LISTEN",
      message: expect.stringContaining("the gateway may not write in its folder: set control.path"),
    });
  });
});
