import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

async function connected(keepalive: number, limits: object = {}) {
  const clock = new ManualClock();
  const running = await startGateway({ limits }, clock);
  const client = await RawClient.connected(running.port, { clientId: "device", keepalive });
  return { ...running, clock, client };
}

describe("keep alive", () => {
  it("closes the connection after one and a half times of silence [MQTT-3.1.2-24]", async () => {
    const { clock, client, log } = await connected(10);
    clock.advance(18_000);
    await client.closed;
    expect(client.packets).toEqual([]);
    expect(log.complaints.map(({ fields }) => fields.code)).toEqual(["ERR_KEEP_ALIVE_TIMEOUT"]);
  });

  it("leaves the connection open for one and a half times [MQTT-3.1.2-24]", async () => {
    const { clock, client } = await connected(10);
    clock.advance(15_000);
    await client.ping();
  });

  it.each([
    ["PINGREQ", "c0 00", "pingresp"],
    ["PUBLISH at QoS 0", "30 04 00 01 61 78 c0 00", "pingresp"],
    ["PUBLISH at QoS 1", "32 06 00 01 61 00 01 78", "puback"],
    ["SUBSCRIBE", "82 06 00 01 00 01 61 00", "suback"],
    ["PUBREL", "62 02 00 01", "pubcomp"],
  ] as const)("is satisfied by any packet: %s", async (_name, bytes, answer) => {
    const { clock, client } = await connected(10);
    for (let times = 0; times < 5; times++) {
      clock.advance(14_000);
      client.bytes(bytes);
      await client.next(answer);
    }
    clock.advance(18_000);
    await client.closed;
  });

  it("is not satisfied by half a packet [MQTT-3.1.2-24]", async () => {
    const { clock, client, port } = await connected(10);
    const other = await RawClient.connected(port, { clientId: "other", keepalive: 0 });
    for (let times = 0; times < 3; times++) {
      client.bytes(times === 0 ? "30 64 00 01" : "61");
      await other.ping();
      clock.advance(6_000);
    }
    await client.closed;
  });

  it("of 0 is none", async () => {
    const { clock, client } = await connected(0);
    clock.advance(7 * 24 * 3600_000);
    await client.ping();
  });

  it("of 65535 is the longest", async () => {
    const { clock, client } = await connected(65_535);
    clock.advance(65_535 * 1500);
    await client.ping();
    clock.advance(65_535 * 1500 + 2_000);
    await client.closed;
  });

  it("of 1 closes too", async () => {
    const { clock, client } = await connected(1);
    clock.advance(4_000);
    await client.closed;
  });

  it("is not satisfied by what the gateway sends", async () => {
    const { clock, client, port } = await connected(10);
    await client.subscribe({ a: 0 });
    const other = await RawClient.connected(port, { clientId: "other", keepalive: 0 });
    for (let times = 0; times < 3; times++) {
      clock.advance(6_000);
      if (!client.isClosed) other.publish("a", "x");
      await other.ping();
    }
    await client.closed;
  });
});

describe("a connection without CONNECT", () => {
  it("is closed after limits.connectSeconds", async () => {
    const clock = new ManualClock();
    const { port, log } = await startGateway({ limits: { connectSeconds: 5 } }, clock);
    const other = await RawClient.connected(port, { clientId: "other", keepalive: 0 });
    const silent = await RawClient.open(port);
    silent.bytes("10");
    await other.ping();
    clock.advance(6_000);
    await silent.closed;
    await other.ping();
    expect(log.complaints.map(({ fields }) => fields.code)).toEqual(["ERR_CONNECT_TIMEOUT"]);
  });
});
