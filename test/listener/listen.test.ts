import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { HttpListener } from "../../src/listener/http-listener.ts";
import type { ListenerParts } from "../../src/listener/listener.ts";
import { TcpListener } from "../../src/listener/tcp-listener.ts";
import { RawClient } from "../support/raw-client.ts";

const parts: ListenerParts = { accept: (stream) => stream.resume(), refused: () => {}, failed: () => {} };
const http = { mqttPath: "/mqtt", origins: "", messageBytesMax: () => 1024, notReady: () => [] };

const listeners = {
  tcp: (host: string, port: number) => new TcpListener({ host, port, connectionsMax: 10 }, parts),
  http: (host: string, port: number) => new HttpListener({ host, port, connectionsMax: 10, ...http }, parts),
};

describe.each(Object.entries(listeners))("a %s listener", (_type, listener) => {
  it("reports the port that it got", async () => {
    const opened = listener("127.0.0.1", 0);
    const { host, port } = await opened.start();
    expect([host, port > 0]).toEqual(["127.0.0.1", true]);
    await opened.stop();
  });

  it("says what to do when the port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const starting = listener("127.0.0.1", port).start();
    await expect(starting).rejects.toMatchObject({
      code: "ERR_LISTEN",
      message: expect.stringMatching(new RegExp(`127.0.0.1:${port}: another program listens there`)),
    });
  });

  it("says what to do when the address is not of this machine", async () => {
    await expect(listener("192.0.2.1", 0).start()).rejects.toMatchObject({
      code: "ERR_LISTEN",
      message: expect.stringContaining("this machine does not have that address"),
    });
  });

  it("accepts no more once it has stopped, and leaves what it accepted alone", async () => {
    const opened = listener("127.0.0.1", 0);
    const { port } = await opened.start();
    const before = await RawClient.open(port);
    before.bytes("10"); // an HTTP connection that is idle would be closed
    await opened.stop();
    await expect(RawClient.open(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(before.isClosed).toBe(false);
    before.socket.destroy();
  });

  it("may be stopped twice, and started again", async () => {
    const opened = listener("127.0.0.1", 0);
    await opened.start();
    await opened.stop();
    await opened.stop();
    const { port } = await opened.start();
    await (await RawClient.open(port)).cut();
    await opened.stop();
  });
});
