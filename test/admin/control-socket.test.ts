import { once } from "node:events";
import { existsSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { connect, type Socket } from "node:net";
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

/** A connection on which bytes are sent by hand. */
async function open(path: string): Promise<Socket & { text: string }> {
  const socket = Object.assign(connect(path), { text: "" });
  socket.on("data", (chunk) => {
    socket.text += chunk;
  });
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  return socket;
}

const modeOf = (path: string) => lstatSync(path).mode & 0o777;

describe("the control socket", () => {
  it("answers requests as the administration does", async () => {
    const { path, administration } = await started();
    expect(await ask(path, "GET /queues")).toMatchObject({
      status: 200,
      headers: { "content-type": "application/json", "cache-control": "no-store" },
      body: { queues: administration.queueReports },
    });
    expect(await ask(path, "POST /queues", '{"name":"new"}')).toMatchObject({ status: 201 });
    expect(await ask(path, "DELETE /queues/jobs?force=true")).toMatchObject({ status: 200, body: { messages: 0 } });
    expect(await ask(path, "PUT /queues")).toMatchObject({ status: 405, headers: { allow: "GET, POST" } });
    expect(await ask(path, "GET /queues?a=?b")).toMatchObject({ status: 400 });
    const device = "ü".repeat(32_000);
    expect(await ask(path, `GET /mailboxes/${encodeURIComponent(device)}`)).toMatchObject({ status: 404 });
  });

  it("answers several requests on one connection", async () => {
    const { path } = await started();
    const socket = await open(path);
    socket.write("GET /groups HTTP/1.1\r\nHost: x\r\n\r\nGET /groups HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    await once(socket, "close");
    expect(socket.text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
  });

  it("may be used by its owner only, and leaves nothing else in its folder, which it makes", async () => {
    const folder = join(await mkdtemp(join(root, "c-")), "a", "b");
    const { control } = controlAt(join(folder, "control.sock"));
    await control.start();
    expect(readdirSync(folder)).toEqual(["control.sock"]);
    expect([modeOf(join(folder, "control.sock")), modeOf(folder)]).toEqual([0o600, 0o700]);
    await control.stop();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("is at no moment open to others, whatever the umask is", async () => {
    const path = await freshPath();
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const { control } = controlAt(path);
    await control.start();
    expect(modeOf(path)).toBe(0o600);
  });

  it("may be stopped twice, and started again", async () => {
    const { control, path } = await started();
    await control.stop();
    await control.stop();
    await control.start();
    expect(await ask(path, "GET /groups")).toMatchObject({ status: 200 });
  });

  it("takes a body of 8 MiB, and none that is longer", async () => {
    const { path, administration } = await started();
    const bytesMax = 8 * 1024 * 1024;
    const body = `{"topic":"a"}`.padEnd(bytesMax);
    expect(await ask(path, "POST /requests", body)).toMatchObject({ status: 200 });
    const tooLong = {
      status: 413,
      headers: { connection: "close" },
      body: { error: { code: "ERR_PACKET_TOO_LARGE" } },
    };
    const declared = await open(path);
    declared.write(`POST /requests HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytesMax + 1}\r\n\r\n{`);
    await once(declared, "close");
    expect(declared.text).toMatch(/^HTTP\/1\.1 413 /);
    const chunked = { "transfer-encoding": "chunked" };
    expect(await ask(path, "POST /requests", `${body} `, chunked)).toMatchObject(tooLong);
    expect(administration.calls).toHaveLength(1);
  });

  it("closes connections that send half a request, or nothing, in their time", async () => {
    const { path, administration } = await started({ requestTimeoutMs: 50 });
    const sent = ["", "GET /que", "POST /queues HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{"];
    const sockets = await Promise.all(sent.map(() => open(path)));
    const closed = sockets.map((socket) => once(socket, "close"));
    for (const [index, socket] of sockets.entries()) socket.write(sent[index] as string);
    await Promise.all(closed);
    expect(administration.calls).toEqual([]);
  });

  it("passes over a client that leaves in the middle", async () => {
    const { path, administration, log } = await started();
    const socket = await open(path);
    let answer = () => {};
    const asked = new Promise<void>((resolve) => {
      administration.onRequest = () => {
        resolve();
        return new Promise((give) => {
          answer = () => give({ outcome: "timeout" });
        });
      };
    });
    socket.write('POST /requests HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n{"topic":"a"}');
    await asked;
    socket.destroy();
    await once(socket, "close");
    answer();
    expect(await ask(path, "GET /groups")).toMatchObject({ status: 200 });
    expect(log.complaints).toEqual([]);
  });

  it("has at most 64 connections, and says so", async () => {
    const { path, log } = await started();
    const sockets = await Promise.all(Array.from({ length: 64 }, () => open(path)));
    const more = await open(path);
    await once(more, "close");
    expect(log.complaints).toMatchObject([{ text: expect.stringContaining("all the connections") }]);
    const [one] = sockets;
    one?.write("GET /groups HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    await once(one as Socket, "close");
    expect(one?.text).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("turns away what is no HTTP", async () => {
    const { path, log } = await started();
    const socket = await open(path);
    socket.write(Buffer.from("100c00044d5154540402003c0000", "hex"));
    await once(socket, "close");
    expect(socket.text).toMatch(/^HTTP\/1\.1 400 /);
    expect(log.complaints).toEqual([]);
  });
});

describe("a control socket that stops", () => {
  it("answers with 503 what it is working on, closes half requests, and takes no more", async () => {
    const { path, administration, control } = await started();
    const asked = new Promise<void>((resolve) => {
      administration.onRequest = () => {
        resolve();
        return new Promise(() => {});
      };
    });
    const running = ask(path, "POST /requests", '{"topic":"a"}');
    const half = await open(path);
    half.write("POST /queues HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{");
    const idle = await open(path);
    await asked;
    const closed = [half, idle].map((socket) => once(socket, "close"));
    await control.stop();
    expect(await running).toMatchObject({
      status: 503,
      headers: { connection: "close" },
      body: { error: { code: "ERR_CLOSED", message: "the gateway stops" } },
    });
    await Promise.all(closed);
    await expect(ask(path, "GET /groups")).rejects.toMatchObject({ code: "ENOENT" });
    expect(administration.calls).toHaveLength(1);
  });

  it("does not wait for one who reads nothing", async () => {
    const { path, administration, control } = await started();
    const many = Array.from({ length: 100_000 }, (_, index) => ({
      ...administration.mailbox("lamp"),
      device: `d${index}`,
    }));
    administration.mailboxReports.push(...many);
    const socket = connect(path);
    onTestFinished(() => void socket.destroy());
    socket.write("GET /mailboxes HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "readable");
    await control.stop();
    expect(existsSync(path)).toBe(false);
  });

  it("leaves a file alone that is not its own any more", async () => {
    const { path, control } = await started();
    rmSync(path);
    const { control: other } = controlAt(path);
    await other.start();
    await control.stop();
    expect(await ask(path, "GET /groups")).toMatchObject({ status: 200 });
    await other.stop();
    expect(existsSync(path)).toBe(false);
  });
});
