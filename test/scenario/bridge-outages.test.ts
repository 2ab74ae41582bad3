import { once } from "node:events";
import mqttPacket from "mqtt-packet";
import { describe, expect, it, onTestFinished } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { ManualClock } from "../support/manual-clock.ts";
import { politelyBut, ScriptedUpstream, type UpstreamPeer } from "../support/scripted-upstream.ts";
import { startGateway, testConfig } from "../support/start-gateway.ts";
import { BridgeBadHouse } from "./bridge-bad-house.ts";
import { bridged, cloud, drained, reportOf } from "./bridge-house.ts";
import { Device5 } from "./mqtt5-device.ts";

const resumed = politelyBut({ connect: (_, peer) => peer.accept({}, true) });

/** Sends one message down, with the whole handshake. Returns the codes of its acknowledgements. */
async function sendDown(peer: UpstreamPeer, topic: string, payload: string, qos: 1 | 2, messageId: number) {
  const count = (cmd: "puback" | "pubrec" | "pubcomp") => peer.all(cmd).length;
  const [before, first] = [count("pubcomp"), qos === 1 ? "puback" : "pubrec"] as const;
  const index = count(first);
  peer.send({ cmd: "publish", topic, payload, qos, messageId, dup: false, retain: false });
  const { reasonCode = 0 } = await peer.packet(first, index);
  if (qos === 1 || reasonCode >= 0x80) return reasonCode;
  peer.send({ cmd: "pubrel", messageId });
  await peer.packet("pubcomp", before);
  return reasonCode;
}

describe("a bridge that is back after an outage", () => {
  /** How often a reader of the log at INFO has been told that it is connected. */
  const toldOf = ({ running }: BridgeBadHouse) => {
    const said = ({ level, text }: { level: string; text: string }) =>
      level === "info" && /\bbad is connected/.test(text);
    return running.log.lines.filter(said).length;
  };

  it("says that it is connected", async () => {
    const house = await BridgeBadHouse.build();
    await house.connected();
    house.clock.advance(11_000);
    house.bad.script = politelyBut({ connect: (_, peer) => peer.cut() });
    house.bad.latest?.cut();
    for (let attempt = 1; attempt <= 3; attempt++) {
      await house.failed(attempt);
      await house.retry();
    }
    await house.failed(4);
    expect(toldOf(house)).toBe(1);
    house.bad.script = resumed;
    await house.reconnected();
    expect(toldOf(house)).toBe(2);
  });

  it("says so once where it is thrown out again and again, and again when it stays", async () => {
    const house = await BridgeBadHouse.build();
    for (let times = 1; times <= 4; times++) {
      await house.reconnected();
      house.bad.latest?.cut();
      await house.failed(times);
    }
    expect(toldOf(house)).toBe(1);
    await house.reconnected();
    expect(toldOf(house)).toBe(1);
    house.clock.advance(12_000);
    expect(toldOf(house)).toBe(2);
    house.bad.latest?.cut();
    await house.failed(5);
    await house.reconnected();
    expect(toldOf(house)).toBe(3);
  });

  it("takes QoS 2 messages whose packet ids the upstream had used for what was not taken", async () => {
    const house = await BridgeBadHouse.build(undefined, { topics: [{ filter: "down/#", direction: "down" }] });
    await house.connected();
    const device = await Device5.connect(house.running.port, "device");
    await device.subscribe({ "down/#": 1 });
    const first = await house.bad.peer();
    const ofNobody = { topic: "elsewhere", payload: "", qos: 2, messageId: 7, dup: false, retain: false } as const;
    first.send({ cmd: "publish", ...ofNobody });
    await first.packet("pubrec");
    first.cut(); // before PUBREL
    await house.failed(1);
    await house.reconnected();
    const second = await house.bad.peer(1);
    const payloads = ["1", "2", "3"];
    for (const payload of payloads) expect(await sendDown(second, "down/a", payload, 2, 7)).toBe(0);
    expect(await device.payloads()).toEqual(payloads);
  });

  it.each([1, 2] as const)(
    "before MQTT 5 knows at QoS %i what the upstream sends back of what it was sent",
    async (qos) => {
      const topics = [{ filter: "both/#", direction: "both" }];
      // The outage is longer than echoes are waited for.
      const more = { retryMinSeconds: 60, retryMaxSeconds: 60 };
      const house = await BridgeBadHouse.build(undefined, { protocol: "3.1.1", topics, ...more });
      await house.connected();
      const device = await Device5.connect(house.running.port, "device");
      await device.subscribe({ "both/#": 1 });
      await house.publish("both/a", "sent up", qos);
      await house.drained();
      (await house.bad.peer()).cut();
      house.bad.script = resumed;
      await house.failed(1);
      house.clock.advance(600_000);
      await house.reconnected();
      const back = house.bad.latest as UpstreamPeer;
      await sendDown(back, "both/a", "sent up", qos, 1);
      await sendDown(back, "both/a", "mark", 1, 2);
      expect(await device.payloads()).toEqual(["sent up", "mark"]);
      expect(house.report.drops).toEqual({ loop: 1 });
    },
  );
});

describe("a bridge to an upstream that serves no QoS 2", () => {
  it("sends nothing at QoS 2 after a reload either", async () => {
    const upstream = await ScriptedUpstream.start(
      politelyBut({ connect: (_, peer) => peer.accept({ maximumQoS: 1 }, true), publish: () => {} }),
    );
    const rules = [{ filter: "up/#" }];
    const running = await startGateway(cloud(upstream.port, rules));
    await bridged(running);
    const device = await Device5.connect(running.port, "device");
    await device.publishWhole("up/a", "message", { qos: 2 });
    const { messageId, ...first } = await (await upstream.peer()).packet("publish");
    expect(first).toMatchObject({ qos: 1, dup: false });
    await running.gateway.reconfigure(testConfig(cloud(upstream.port, rules, { keepAliveSeconds: 40 })));
    const peer = await upstream.peer(1);
    expect(await peer.packet("publish")).toMatchObject({ qos: 1, dup: true, messageId });
    peer.send({ cmd: "puback", messageId: messageId ?? 0 });
    await drained(running);
  });
});

describe("a bridge that is held back here", () => {
  it("does not take its upstream, which it does not read meanwhile, for one that is gone", async () => {
    const clock = new ManualClock();
    const upstream = await ScriptedUpstream.start();
    const rules = [{ filter: "up/#" }, { filter: "down/#", direction: "down" }];
    const mailboxes = { messagesMax: 2, whenFull: "flow-control" };
    const running = await startGateway({ ...cloud(upstream.port, rules, { keepAliveSeconds: 1 }), mailboxes }, clock);
    await bridged(running, clock);
    const away = await Device5.connect(running.port, "away", { livesSeconds: 3600 });
    await away.subscribe({ "down/#": 1 });
    await away.disconnect();
    const peer = await upstream.peer();
    for (let id = 1; id <= 6; id++) {
      peer.send({
        cmd: "publish",
        topic: "down/a",
        payload: `${id}`,
        qos: 1,
        messageId: id,
        dup: false,
        retain: false,
      });
    }
    await peer.packet("puback", 1);
    const device = await Device5.connect(running.port, "device");
    await device.publishWhole("up/a", "goes up, and what acknowledges it is not read", { qos: 1 });
    await peer.packet("publish");
    for (let seconds = 0; seconds < 5; seconds++) clock.advance(1000);
    await peer.packet("pingreq", 1);
    expect(reportOf(running)).toMatchObject({ state: "connected", inFlight: 1, lastError: null });
    const back = await Device5.connect(running.port, "away", { livesSeconds: 3600 });
    for (let id = 1; id <= 6; id++) expect((await back.take()).payload).toBe(`${id}`);
    await drained(running);
    expect(upstream.peers).toHaveLength(1);
  });
});

describe("a bridge with two URLs", () => {
  it("leaves the first for the second where it takes everything and acknowledges nothing", async () => {
    const hole = await ScriptedUpstream.start(politelyBut({ publish: () => {} }));
    const other = await ScriptedUpstream.start();
    const house = await BridgeBadHouse.build(undefined, { url: [hole.url, other.url], keepAliveSeconds: 10 });
    await house.publish("up/a", "message");
    await (await hole.peer()).packet("publish");
    house.failsInTime(1);
    await house.reconnected();
    await house.drained();
    expect(other.payloads).toEqual(["message"]);
    expect(hole.peers).toHaveLength(1);
  });
});

describe("a bridge over WebSocket", () => {
  it("takes many packets in one frame, which may be larger than any of them [MQTT-6.0.0-2]", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "mqtt" });
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const count = 30;
    const publish = {
      cmd: "publish",
      topic: "down/a",
      payload: Buffer.alloc(30_000),
      dup: false,
      retain: false,
    } as const;
    const bytesOf = (packet: mqttPacket.Packet) => mqttPacket.generate(packet, { protocolVersion: 4 });
    let acknowledged = 0;
    server.on("connection", (socket: WebSocket) => {
      onTestFinished(() => socket.terminate());
      const parser = mqttPacket.parser({ protocolVersion: 4 });
      parser.on("packet", (packet) => {
        if (packet.cmd === "connect") socket.send(bytesOf({ cmd: "connack", returnCode: 0, sessionPresent: false }));
        if (packet.cmd === "puback") acknowledged++;
        if (packet.cmd !== "subscribe") return;
        const frame = [bytesOf({ cmd: "suback", messageId: packet.messageId ?? 0, granted: [2] })];
        for (let messageId = 1; messageId <= count; messageId++) frame.push(bytesOf({ ...publish, qos: 1, messageId }));
        socket.send(Buffer.concat(frame));
      });
      socket.on("message", (chunk) => parser.parse(chunk as Buffer));
    });
    const { port } = server.address() as { port: number };
    const more = { url: `ws://127.0.0.1:${port}/mqtt`, protocol: "3.1.1" };
    const bridges = cloud(port, [{ filter: "down/#", direction: "down" }], more);
    const running = await startGateway({ ...bridges, limits: { packetBytesMax: "64KiB" } });
    await bridged(running);
    await expect.poll(() => acknowledged, { timeout: 30_000, interval: 5 }).toBe(count);
    expect(reportOf(running)).toMatchObject({ lastError: null, totals: { connections: 1, received: count } });
  });
});
