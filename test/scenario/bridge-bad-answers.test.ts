import { describe, expect, it } from "vitest";
import { politely, politelyBut, type UpstreamPeer } from "../support/scripted-upstream.ts";
import { BridgeBadHouse, expectBackOff } from "./bridge-bad-house.ts";

const mute = politelyBut({ publish: () => {}, pubrel: () => {} });

describe("a bridge whose upstream answers too little", () => {
  it("reconnects within two keep alives where pings are answered and messages are not, and sends them again", async () => {
    const house = await BridgeBadHouse.build(mute, { keepAliveSeconds: 2 });
    await house.connected();
    await house.publish("up/1", "one", 1);
    await house.publish("up/2", "two", 2);
    const first = house.bad.latest as UpstreamPeer;
    await house.until(() => first.all("publish").length === 2);
    house.clock.advance(2000);
    expect(house.report.state).toBe("stalled");
    house.clock.advance(2000);
    await house.failed(1);
    expect(house.complaints.at(-1)).toMatch(/acknowledges nothing.*mqtt:\/\/127/);
    expect(house.complaints.length).toBeLessThanOrEqual(2);
    await house.othersGoOn();
    house.bad.script = politely;
    await house.reconnected();
    await house.drained();
    const idsOf = (peer: UpstreamPeer) => peer.all("publish").map(({ messageId, dup }) => ({ messageId, dup }));
    const before = idsOf(first);
    expect(before.map(({ dup }) => dup)).toEqual([false, false]);
    expect(idsOf(house.bad.latest as UpstreamPeer)).toEqual(before.map(({ messageId }) => ({ messageId, dup: true })));
    expect(house.report.totals).toMatchObject({ forwarded: 2, resent: 2, connections: 2 });
  });

  /** Four attempts. */
  async function muteAgainAndAgain() {
    const house = await BridgeBadHouse.build(mute, { keepAliveSeconds: 1 });
    await house.publish("up/1", "one", 1);
    const delaysMs: number[] = [];
    for (let attempt = 1; attempt <= 4; attempt++) {
      const peer = await house.bad.peer(attempt - 1);
      await peer.packet("publish");
      house.failsInTime(attempt);
      delaysMs.push(house.retryMs);
      if (attempt < 4) await house.retry();
    }
    return { house, delaysMs };
  }

  it("backs off where that goes on and on", async () => {
    const { house, delaysMs } = await muteAgainAndAgain();
    expectBackOff(delaysMs);
    expect(house.bad.messages.map(({ dup }) => dup)).toEqual([false, true, true, true]);
    await house.othersGoOn();
  });

  it("complains once where that goes on and on", async () => {
    const { house } = await muteAgainAndAgain();
    const said = house.complaints.filter((text) => text.includes("not connected"));
    const reasons = said.map((text) => text.replace(/; next attempt.*/, ""));
    expect(reasons).toEqual([...new Set(reasons)]);
    expect(reasons.length).toBeLessThan(4); // of four attempts
  });

  it("sends PUBREL again, and not the message, where PUBREC came and PUBCOMP did not", async () => {
    const house = await BridgeBadHouse.build(politelyBut({ pubrel: () => {} }), { keepAliveSeconds: 2 });
    await house.connected();
    await house.publish("up/2", "two", 2);
    const first = house.bad.latest as UpstreamPeer;
    const { messageId } = await first.packet("pubrel");
    house.failsInTime(1);
    const resumed = politelyBut({ connect: (_, peer) => peer.accept({}, true) });
    house.bad.script = resumed;
    await house.reconnected();
    await house.drained();
    const second = house.bad.latest as UpstreamPeer;
    expect(second.all("pubrel").map((packet) => packet.messageId)).toEqual([messageId]);
    expect(second.all("publish")).toEqual([]);
    expect(house.report.totals.forwarded).toBe(1);
  });

  it("gives up an upstream that answers no ping", async () => {
    const house = await BridgeBadHouse.build(politelyBut({ pingreq: () => {} }), { keepAliveSeconds: 1 });
    await house.connected();
    house.failsInTime(1);
    expect(house.complaints).toEqual([expect.stringMatching(/nothing came from the upstream/)]);
    expect(house.complaints[0]).toContain(house.bad.url);
    await house.othersGoOn();
  });

  it("pings as often as the upstream says", async () => {
    const house = await BridgeBadHouse.build(
      politelyBut({ connect: (_, peer) => peer.accept({ serverKeepAlive: 1 }) }),
    );
    await house.connected();
    await (house.bad.latest as UpstreamPeer).packet("pingreq", 1);
    expect(house.complaints).toEqual([]);
  });

  it("keeps what waits in bounds where the upstream reads nothing, and everything else goes on", async () => {
    const rule = { filter: "up/#", messagesMax: 50, bytesMax: "4MiB" };
    const house = await BridgeBadHouse.build(politely, { topics: [rule], keepAliveSeconds: 2, inFlightMax: 10 });
    await house.connected();
    const first = house.bad.latest as UpstreamPeer;
    first.socket.pause();
    const payload = Buffer.alloc(200_000, 1);
    for (let i = 0; i < 80; i++) await house.publish("up/x", payload);
    expect(house.report.messages).toBeLessThanOrEqual(50);
    expect(house.report.bytes).toBeLessThanOrEqual(4 * 1024 * 1024);
    expect(house.report.inFlight).toBeLessThanOrEqual(10);
    const { messages, inFlight, drops } = house.report;
    expect(messages + inFlight + (drops["mailbox-full"] ?? 0)).toBe(80);
    await house.othersGoOn();
    house.failsInTime(1);
    await house.reconnected();
    await house.drained();
    expect(house.report.totals.forwarded).toBe(messages + inFlight);
  });
});
