import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { politely, politelyBut, ScriptedUpstream, type UpstreamPeer } from "../support/scripted-upstream.ts";
import { BridgeBadHouse, expectBackOff } from "./bridge-bad-house.ts";

/** A URL where nobody listens. */
async function deadUrl(): Promise<string> {
  const free = createServer();
  free.listen(0, "127.0.0.1");
  await once(free, "listening");
  const { port } = free.address() as AddressInfo;
  free.close();
  return `mqtt://127.0.0.1:${port}`;
}

type Connack = { reasonCode?: number; returnCode?: number; properties?: object };

const refusing = ({ reasonCode = 0, returnCode = reasonCode, properties = {} }: Connack) =>
  politelyBut({
    connect: (_packet, peer) => {
      peer.send({ cmd: "connack", reasonCode, returnCode, sessionPresent: false, properties });
      peer.socket.end();
    },
  });

describe("a bridge to an upstream that refuses it", () => {
  it.each([
    ["0x86", { reasonCode: 0x86 }, /refused the connection: user name or password is wrong \(0x86\)/],
    ["0x87", { reasonCode: 0x87 }, /refused the connection: not authorized \(0x87\)/],
    ["0x8a and a reason", { reasonCode: 0x8a, properties: { reasonString: "pay first" } }, /banned.*"pay first"/],
    ["0x9c without a server", { reasonCode: 0x9c }, /use another server \(0x9c\); it does not say which/],
    [
      "0x9d and where to go",
      { reasonCode: 0x9d, properties: { serverReference: "other.example:1883" } },
      /moved \(0x9d\); it names "other\.example:1883": set the url of the bridge to that/,
    ],
    ["a code that does not exist", { reasonCode: 0xf0 }, /refused the connection: .*0xf0/],
  ])("with %s over MQTT 5 backs off, says so once, and loses nothing", async (_, connack, line) => {
    const house = await BridgeBadHouse.build(refusing(connack));
    await house.withstands(line);
    expect(house.complaints[0]).toContain(house.bad.url);
    await house.deliversWhatWaited();
  });

  it.each([
    [2, /does not take the client id \(0x02\)/],
    [4, /user name or password is wrong \(0x04\)/],
    [5, /not authorized \(0x05\)/],
  ])("with code %i over MQTT 3.1.1 backs off, says so once, and loses nothing", async (returnCode, line) => {
    const house = await BridgeBadHouse.build(refusing({ returnCode }), { protocol: "3.1.1" });
    await house.withstands(line);
    expect(house.complaints[0]).toContain(house.bad.url);
    await house.deliversWhatWaited();
  });
});

it("a bridge tells its password to the upstream, and to nobody else", async () => {
  const own = { username: "porch", password: "s3cret-word" };
  const house = await BridgeBadHouse.build(refusing({ reasonCode: 0x86 }), own);
  await house.withstands(/user name or password is wrong/, 2);
  const [connect] = (await house.bad.peer()).all("connect");
  expect([connect?.username, connect?.password?.toString()]).toEqual([own.username, own.password]);
  const told = JSON.stringify([house.running.log.lines, house.report, house.good.messages.map(String)]);
  expect(told).not.toContain(own.password);
});

describe("a bridge to something that is no MQTT server", () => {
  it("withstands a port where nobody listens", async () => {
    const house = await BridgeBadHouse.build(undefined, { url: await deadUrl() });
    await house.withstands(/nobody listens there \(ECONNREFUSED, mqtt:\/\/127\.0\.0\.1:\d+\)/);
  });

  it("withstands a host that nobody knows", async () => {
    const host = `${"x".repeat(64)}.invalid`; // too long for a name: nobody has to be asked
    const house = await BridgeBadHouse.build(undefined, { url: `mqtt://${host}` });
    await house.withstands(/the name of the host is not known \(ENOTFOUND, mqtt:\/\/x+\.invalid\)/);
  });

  it.each([
    ["an HTTP server", "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"],
    ["a mail server", "220 mail.example ESMTP ready\r\n"],
  ])("withstands %s", async (_, said) => {
    const house = await BridgeBadHouse.build(() => {});
    const speak = (peer: UpstreamPeer) => peer.socket.end(said);
    house.bad.opened = speak;
    for (const peer of house.bad.peers) speak(peer);
    await house.withstands(/the upstream closed the connection \(mqtt:\/\/127\.0\.0\.1/);
    await house.deliversWhatWaited();
  });

  it.each([
    ["404", "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n", /404/],
    ["401", "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n", /401/],
    ["200", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", /200/],
    ["nothing", "", /hang up|closed the connection|cut the connection/],
    ["MQTT", "\u0020\u0003\u0000\u0000\u0000", /HTTP|Parse Error/i],
  ])("withstands one that answers %s where a WebSocket is asked for", async (_, said, line) => {
    const web = await ScriptedUpstream.start(() => {});
    web.opened = (peer) => peer.socket.once("data", () => peer.socket.end(said));
    const house = await BridgeBadHouse.build(() => {}, { url: `ws://127.0.0.1:${web.port}/mqtt` });
    await house.withstands(line, 3);
    expect(house.complaints[0]).toContain(`ws://127.0.0.1:${web.port}/mqtt`);
  });

  it("withstands one that accepts and never answers", async () => {
    const house = await BridgeBadHouse.build(() => {}, { connectSeconds: 1 });
    for (let attempt = 0; attempt < 3; attempt++) {
      await (await house.bad.peer(attempt)).packet("connect");
      house.clock.advance(1000);
      await house.failed(attempt + 1);
      if (attempt < 2) await house.retry();
    }
    expect(house.complaints).toEqual([expect.stringMatching(/no CONNACK within 1 s \(mqtt:\/\/127\.0\.0\.1:\d+\)/)]);
    await house.othersGoOn();
    expect(house.bad.peers).toHaveLength(3);
    await house.until(() => house.bad.peers.every(({ isClosed }) => isClosed));
  });

  it.each(["ws", "wss", "mqtts"])("withstands one that accepts by %s and never answers", async (scheme) => {
    const silent = await ScriptedUpstream.start(() => {});
    const url = `${scheme}://127.0.0.1:${silent.port}`;
    const house = await BridgeBadHouse.build(() => {}, { url, connectSeconds: 1 });
    for (let attempt = 1; attempt <= 3; attempt++) {
      await silent.peer(attempt - 1);
      house.clock.advance(1000);
      await house.failed(attempt);
      if (attempt < 3) await house.retry();
    }
    expect(house.complaints).toEqual([expect.stringMatching(/no CONNACK within 1 s/)]);
    await house.othersGoOn();
    house.clock.advance(2000); // for what was sent to be read
    await house.until(() => silent.peers.every(({ isClosed }) => isClosed));
  });

  it("withstands one that sends half a CONNACK", async () => {
    const house = await BridgeBadHouse.build(politelyBut({ connect: (_, peer) => peer.bytes("20 03 00") }), {
      connectSeconds: 1,
    });
    await (await house.bad.peer()).packet("connect");
    house.clock.advance(1000);
    await house.failed(1);
    expect(house.complaints).toEqual([expect.stringContaining("no CONNACK within 1 s")]);
    await house.othersGoOn();
  });

  it.each([
    ["PUBLISH", "30 05 00 01 61 00 78", /packet type 3 before CONNACK/],
    ["PINGRESP", "d0 00", /packet type 13 before CONNACK/],
    ["SUBACK", "90 04 00 01 00 00", /packet type 9 before CONNACK/],
    ["PUBACK", "40 02 00 01", /packet type 4 before CONNACK/],
    ["a malformed CONNACK", "20 03 00 00 05", /[Mm]alformed|[Cc]annot parse/],
    ["CONNECT", "10 10 00 04 4d 51 54 54 05 02 00 00 00 00 03 61 62 63", /packet type 1 before CONNACK/],
    ["a packet of 256 MiB", "30 ff ff ff 7f", /packet of 268435455 bytes is over the limit/],
    ["AUTH, which nobody asked for", "f0 00", /[Aa]uth/],
    ["DISCONNECT", "e0 01 89", /disconnected: it is busy \(0x89\)/],
  ])("withstands one whose first packet is %s", async (_, bytes, line) => {
    const house = await BridgeBadHouse.build(politelyBut({ connect: (_packet, peer) => peer.bytes(bytes) }));
    await house.withstands(line);
    await house.deliversWhatWaited();
  });
});

describe("a bridge to an upstream that does not go on", () => {
  it("is not connected twice by two CONNACKs", async () => {
    const house = await BridgeBadHouse.build(
      politelyBut({
        connect: (_, peer) => {
          peer.accept();
          peer.accept();
        },
      }),
    );
    await house.failed(1);
    expect(house.complaints).toEqual([expect.stringMatching(/not connected: .*(twice|second|CONNACK)/)]);
    await house.othersGoOn();
  });

  const disconnecting = politelyBut({
    connect: (_, peer) => {
      peer.accept();
      peer.send({ cmd: "disconnect", reasonCode: 0x8e, properties: {} });
      peer.socket.end();
    },
  });

  it("is tried ever more slowly where it disconnects right after CONNACK, again and again", async () => {
    const house = await BridgeBadHouse.build(disconnecting);
    await house.publish("up/x", "kept");
    const delaysMs: number[] = [];
    for (let attempt = 1; attempt <= 6; attempt++) {
      await house.failed(attempt);
      delaysMs.push(house.retryMs);
      if (attempt < 6) await house.retry();
    }
    expectBackOff(delaysMs);
    expect(house.bad.peers).toHaveLength(6);
    expect(house.complaints[0]).toMatch(/same client id: give each bridge a clientId of its own \(0x8e\)/);
    await house.othersGoOn();
    house.bad.script = politely;
    await house.reconnected();
    await house.drained();
    const [first, ...again] = house.bad.messages;
    expect(first).toMatchObject({ payload: Buffer.from("kept"), dup: false });
    expect(again.map(({ dup, messageId }) => [dup, messageId])).toEqual(again.map(() => [true, first?.messageId]));
  });

  it("is complained of once where it disconnects right after CONNACK, again and again", async () => {
    const house = await BridgeBadHouse.build(disconnecting);
    for (let attempt = 1; attempt <= 4; attempt++) {
      await house.failed(attempt);
      if (attempt < 4) await house.retry();
    }
    expect(house.complaints).toHaveLength(1);
  });

  it("speaks 3.1.1 to one that closes without a word when it is spoken to in MQTT 5", async () => {
    const house = await BridgeBadHouse.build(
      politelyBut({
        connect: ({ protocolVersion }, peer) => {
          if (protocolVersion === 5) peer.socket.end();
          else peer.accept();
        },
      }),
    );
    await house.publish("up/x", "kept");
    await house.deliversWhatWaited();
    expect(house.report.protocol).toBe("3.1.1");
    expect(house.bad.latest?.all("connect")).toEqual([expect.objectContaining({ bridgeMode: true })]);
    expect(house.complaints.length).toBeLessThanOrEqual(2);
  });

  it.each([
    ["0x84 in MQTT 5 and 1 in the others", 0x84],
    ["1 in the form of 3.1.1", undefined],
  ])("finds the one version that the upstream speaks where it refuses the others with %s", async (_, reasonCode) => {
    const house = await BridgeBadHouse.build(
      politelyBut({
        connect: (packet, peer) => {
          const { protocolVersion } = packet;
          if (protocolVersion === 4 && !("bridgeMode" in packet)) return peer.accept();
          if (protocolVersion === 5 && reasonCode !== undefined) {
            peer.send({ cmd: "connack", reasonCode, sessionPresent: false });
          } else peer.bytes("20 02 00 01");
          peer.socket.end();
        },
      }),
    );
    await house.publish("up/x", "kept");
    await house.deliversWhatWaited();
    expect(house.clock.now()).toBe(1_000_000); // at once
    expect(house.report.protocol).toBe("3.1.1");
    expect(house.bad.peers).toHaveLength(3);
  });

  it("backs off where every version is refused", async () => {
    const refusing = politelyBut({
      connect: (_, peer) => {
        peer.bytes("20 02 00 01");
        peer.socket.end();
      },
    });
    const house = await BridgeBadHouse.build(refusing);
    const roundsMs: number[] = [];
    while (roundsMs.length < 4) {
      const { failures } = house;
      await house.retry();
      await house.failed(failures + 1);
      if (house.retryMs > 0) roundsMs.push(house.retryMs);
    }
    expectBackOff(roundsMs);
    expect(house.failures).toBeLessThanOrEqual(3 * 4 + 1);
    expect(house.complaints.length).toBeLessThanOrEqual(3);
    await house.othersGoOn();
  });

  it("complains of each of its URLs once where all are dead", async () => {
    const house = await BridgeBadHouse.build(undefined, { url: [await deadUrl(), await deadUrl()] });
    for (let attempt = 1; attempt <= 8; attempt++) {
      await house.failed(attempt);
      if (attempt < 8) await house.retry();
    }
    expect(house.complaints).toHaveLength(2);
  });

  it("backs off after each round of its URLs where all are dead", async () => {
    const house = await BridgeBadHouse.build(undefined, { url: [await deadUrl(), await deadUrl()] });
    const delaysMs: number[] = [];
    for (let attempt = 1; attempt <= 6; attempt++) {
      await house.failed(attempt);
      delaysMs.push(house.retryMs);
      if (attempt < 6) await house.retry();
    }
    expect(delaysMs.filter((_, index) => index % 2 === 0)).toEqual([0, 0, 0]);
    expectBackOff(delaysMs.filter((_, index) => index % 2 === 1));
    await house.othersGoOn();
  });

  it("goes to the next of its URLs at once where the first is dead", async () => {
    const { url: living } = await ScriptedUpstream.start();
    const house = await BridgeBadHouse.build(undefined, { url: [await deadUrl(), living] });
    await house.failed(1);
    expect(house.retryMs).toBe(0);
    await house.reconnected();
    expect(house.report).toMatchObject({ state: "connected", url: living });
    expect(house.complaints).toEqual([expect.stringContaining("nobody listens there")]);
  });

  it("goes by the client id that the upstream assigned only as far as the connection", async () => {
    const house = await BridgeBadHouse.build(
      politelyBut({ connect: (_, peer) => peer.accept({ assignedClientIdentifier: "you" }) }),
    );
    await house.connected();
    (await house.bad.peer()).cut();
    await house.reconnected();
    const ids = house.bad.peers.map((peer) => peer.all("connect")[0]?.clientId);
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^waypost-[0-9a-f]{16}-bad$/);
  });
});
