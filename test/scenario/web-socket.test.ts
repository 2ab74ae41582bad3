import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import mqttPacket, { type Packet } from "mqtt-packet";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { RawClient } from "../support/raw-client.ts";
import { connectPacket, WebClient } from "./web-client.ts";
import { withstand } from "./withstand.ts";

const conversation = [
  connectPacket("web"),
  { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "web/#", qos: 1 }] },
  { cmd: "publish", qos: 0, dup: false, retain: false, topic: "web/a", payload: Buffer.alloc(300, 7) },
  { cmd: "publish", qos: 1, messageId: 2, dup: false, retain: false, topic: "web/b", payload: Buffer.from("b") },
  { cmd: "pingreq" },
] as Packet[];
const bytes = Buffer.concat(conversation.map((packet) => mqttPacket.generate(packet)));

async function expectAnswers(client: WebClient): Promise<void> {
  await client.next("pingresp");
  expect(client.packets.map(({ cmd }) => cmd).filter((cmd) => cmd !== "publish")).toEqual([
    "connack",
    "suback",
    "puback",
  ]);
  const topics = client.packets.filter((packet) => packet.cmd === "publish").map(({ topic }) => topic);
  expect(topics).toEqual(["web/a", "web/b"]);
}

describe("MQTT packets and WebSocket frames need not begin together [MQTT-6.0.0-2]", () => {
  it("many packets in one message", async () => {
    await withstand(async ({ webPort }) => {
      const client = await WebClient.open(webPort);
      client.socket.send(bytes);
      await expectAnswers(client);
    }, []);
  });

  it("one packet over many messages", async () => {
    await withstand(async ({ webPort }) => {
      const client = await WebClient.open(webPort);
      for (const byte of bytes) client.socket.send(Buffer.from([byte]));
      await expectAnswers(client);
    }, []);
  });

  it("one message over many fragments, with pings between them", async () => {
    await withstand(async ({ webPort }) => {
      const client = await WebClient.open(webPort);
      const pongs: string[] = [];
      client.socket.on("pong", (data) => pongs.push(data.toString()));
      for (let at = 0; at < bytes.length; at += 10) {
        client.socket.send(bytes.subarray(at, at + 10), { fin: at + 10 >= bytes.length, binary: true });
        if (at < 30) client.socket.ping(`${at}`);
      }
      await expectAnswers(client);
      expect(pongs).toEqual(["0", "10", "20"]);
    }, []);
  });

  it("messages without a byte", async () => {
    await withstand(async ({ webPort }) => {
      const client = await WebClient.open(webPort);
      client.socket.send(Buffer.alloc(0));
      client.socket.send(bytes);
      client.socket.send(Buffer.alloc(0));
      await expectAnswers(client);
    }, []);
  });
});

describe("bad input over a WebSocket ends that connection and nothing else", () => {
  it("a text frame [MQTT-6.0.0-1]", async () => {
    await withstand(
      async ({ webPort }) => {
        const client = await WebClient.connected(webPort, "text");
        client.socket.send("hello");
        expect(await client.closed).toBe(1003);
      },
      [/^connection refused: a WebSocket text frame/],
    );
  });

  it("a text frame that holds a valid CONNECT", async () => {
    await withstand(
      async ({ webPort }) => {
        const client = await WebClient.open(webPort);
        client.socket.send(mqttPacket.generate(connectPacket("text")), { binary: false });
        expect(await client.closed).toBe(1003);
        expect(client.packets).toEqual([]);
      },
      [/^connection refused: a WebSocket text frame/],
    );
  });

  it("a message over the limit of a packet", async () => {
    await withstand(
      async ({ webPort }) => {
        const client = await WebClient.connected(webPort, "large");
        client.socket.send(Buffer.alloc(5 * 1024 * 1024 + 1));
        expect(await client.closed).toBe(1009);
      },
      [/Max payload size exceeded/],
    );
  });

  it("a frame that breaks the WebSocket protocol", async () => {
    await withstand(
      async ({ webPort }) => {
        const client = await WebClient.connected(webPort, "unmasked");
        (client.socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(
          Buffer.from([0x82, 1, 0]),
        );
        expect(await client.closed).toBe(1002);
      },
      [/MASK must be set/],
    );
  });

  it("a malformed packet", async () => {
    await withstand(
      async ({ webPort }) => {
        const client = await WebClient.connected(webPort, "malformed");
        client.socket.send(Buffer.from([0xf0, 0]));
        await client.closed;
      },
      [/^ERR_PROTOCOL_VIOLATION .*type 15/],
    );
  });

  it("a close frame without DISCONNECT publishes the will, and is no fault", async () => {
    await withstand(async ({ port, webPort }) => {
      const watcher = await RawClient.connected(port, { clientId: "watcher" });
      await watcher.subscribe({ gone: 0 });
      const client = await WebClient.open(webPort);
      const will = { topic: "gone", payload: Buffer.from("x"), qos: 0, retain: false };
      client.send({ ...connectPacket("closer"), will } as Packet);
      await client.next("connack");
      client.socket.close(1000);
      expect((await watcher.message()).topic).toBe("gone");
      expect(await client.closed).toBe(1000);
    }, []);
  });

  it("a stream cut without a close frame is no fault", async () => {
    await withstand(async ({ gateway, webPort }) => {
      const client = await WebClient.connected(webPort, "cut");
      const gone = once(gateway.broker, "clientDisconnect");
      client.socket.terminate();
      await gone;
    }, []);
  });
});

describe("what is not MQTT over WebSocket is turned away", () => {
  it.each<[name: string, path: string, protocols: string[], status: number, complaint: RegExp]>([
    ["without a subprotocol", "/mqtt", [], 400, /offers no subprotocol mqtt/],
    ["with another subprotocol", "/mqtt", ["soap"], 400, /offers no subprotocol mqtt/],
    ["on another path", "/other", ["mqtt"], 404, /no WebSocket at \/other/],
  ])("an upgrade %s", async (_name, path, protocols, status, complaint) => {
    await withstand(
      async ({ webPort }) => {
        const socket = new WebSocket(`ws://127.0.0.1:${webPort}${path}`, protocols);
        socket.on("error", () => {});
        const [, response] = await once(socket, "unexpected-response");
        expect(response.statusCode).toBe(status);
        socket.terminate();
      },
      [complaint],
    );
  });

  it("a page of another web origin", async () => {
    await withstand(
      async ({ webPort }) => {
        const socket = new WebSocket(`ws://127.0.0.1:${webPort}/mqtt`, ["mqtt"], { origin: "https://evil.example" });
        socket.on("error", () => {});
        const [, response] = await once(socket, "unexpected-response");
        expect(response.statusCode).toBe(403);
        socket.terminate();
      },
      [/pages of https:\/\/evil\.example are not welcome/],
    );
  });

  it.each(["mqtt", "mqttv3.1"])("the subprotocol %s is served, whatever is offered beside it", async (name) => {
    await withstand(async ({ webPort }) => {
      const socket = new WebSocket(`ws://127.0.0.1:${webPort}/mqtt?token=1`, ["soap", name]);
      await once(socket, "open");
      expect(socket.protocol).toBe(name);
      socket.terminate();
    }, []);
  });

  it("an upgrade without a key", async () => {
    await withstand(
      async ({ webPort }) => {
        const lines = ["GET /mqtt HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket"];
        const answer = await exchange(webPort, `${lines.join("\r\n")}\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n`);
        expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      },
      [/connection refused: .*Sec-WebSocket-/],
    );
  });

  it("an MQTT packet where HTTP is spoken", async () => {
    await withstand(
      async ({ webPort }) => {
        const answer = await exchange(webPort, mqttPacket.generate(connectPacket("lost")));
        expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      },
      [/connection refused: .*not HTTP/],
    );
  });

  it.each<[path: string, status: number]>([
    ["/mqtt", 426],
    ["/", 404],
    ["/api/../mqtt/", 404],
  ])("a plain GET %s is answered and is no fault", async (path, status) => {
    await withstand(async ({ webPort }) => {
      const sent = request({ host: "127.0.0.1", port: webPort, path }).end();
      const [response] = await once(sent, "response");
      expect(response.statusCode).toBe(status);
      expect(response.headers.upgrade).toBe(status === 426 ? "websocket" : undefined);
      response.resume();
      await once(response, "end");
    }, []);
  });

  it("a refused upgrade leaves its place to others, even where the peer keeps its end open", async () => {
    const changes = {
      listeners: { mqtt: { type: "tcp", port: 0 }, web: { type: "http", port: 0, connectionsMax: 1 } },
    };
    await withstand(
      async ({ webPort }) => {
        const held = connect({ host: "127.0.0.1", port: webPort, allowHalfOpen: true });
        held.write("GET /other HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        held.resume();
        await once(held, "end");
        const client = await WebClient.connected(webPort, "next");
        await client.ping();
        held.destroy();
      },
      [/no WebSocket at \/other/],
      { changes },
    );
  });
});

/** Sends the bytes over a fresh TCP connection and returns all that comes back until it is closed. */
async function exchange(port: number, sent: string | Buffer): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port });
  const received: Buffer[] = [];
  socket.on("data", (chunk) => received.push(chunk));
  socket.write(sent);
  await once(socket, "close");
  return Buffer.concat(received).toString("latin1");
}
