import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RequestOutcome } from "../../src/delivery/requests.ts";
import { ask } from "../admin/control-at.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import type { Device5 } from "./mqtt5-device.ts";
import { type House, house, turns } from "./multicast-house.ts";

const root = temporaryDirectory();
const question = (topic: string, more: object = {}) => ({
  topic,
  payload: Buffer.from("ask"),
  timeoutMs: 5000,
  ...more,
});

async function answer(responder: Device5, payload: string | Buffer, more: object = {}): Promise<void> {
  const { properties, topic } = await responder.take();
  if (responder.version === 4) {
    await responder.publishWhole(`$answer/${topic.split("/")[1]}`, payload, { qos: 1, ...more });
    return;
  }
  const { responseTopic, correlationData } = properties as { responseTopic: string; correlationData: Buffer };
  await responder.publishWhole(responseTopic, payload, { qos: 1, properties: { correlationData }, ...more });
}

/** What the control socket answers. */
async function posted({ directory }: House, body: object) {
  const { status, body: said } = await ask(join(directory, "control.sock"), "POST /requests", JSON.stringify(body));
  return { status, ...(said as { outcome?: string; payload?: string; error?: { code: string; message: string } }) };
}

const textOf = (outcome: RequestOutcome) =>
  outcome.outcome === "answer" ? outcome.payload.toString() : outcome.outcome;

describe("a request of the gateway's own", () => {
  it.each([4, 5] as const)(
    "gets the answer of a responder of version %s, with what it says of itself",
    async (version) => {
      const clock = new ManualClock();
      const { device, administration } = await house(root, {}, clock);
      const responder = await device("responder", { version });
      await responder.subscribe({ [version === 4 ? "$request/+/service/1" : "service/1"]: 2 });
      const outcome = administration.request(
        question("service/1", {
          qos: 2,
          contentType: "text/plain",
          userProperties: [
            ["a", "1"],
            ["a", "2"],
            ["b", ""],
          ],
        }),
      );
      const request = await responder.message();
      expect(request).toMatchObject({ payload: "ask", qos: 2, retain: false });
      if (version === 5) {
        expect(request.properties).toMatchObject({
          contentType: "text/plain",
          userProperties: { a: ["1", "2"], b: "" },
        });
      }
      clock.advance(250);
      const { responseTopic = `$answer/${request.topic.split("/")[1]}`, correlationData } = request.properties as {
        responseTopic?: string;
        correlationData?: Buffer;
      };
      const properties = {
        contentType: "application/json",
        userProperties: { x: "y" },
        ...(correlationData && { correlationData }),
      };
      await responder.publishWhole(responseTopic, "reply", { qos: 1, properties });
      const answered = await outcome;
      expect(answered).toMatchObject({ outcome: "answer", payload: Buffer.from("reply"), afterMs: 250 });
      if (version === 5) expect(answered).toMatchObject({ properties: { contentType: "application/json" } });
    },
  );

  it("ends at once where there is no responder, also at QoS 0 and 2", async () => {
    const { administration, device } = await house(root, {}, new ManualClock());
    for (const qos of [0, 1, 2] as const) {
      expect(await administration.request(question("service/1", { qos }))).toEqual({ outcome: "no-responder" });
    }
    const elsewhere = await device("elsewhere");
    await elsewhere.subscribe({ "service/2": 1, "$request/+/service/2": 1 });
    expect(await administration.request(question("service/1"))).toEqual({ outcome: "no-responder" });
    expect(await administration.request(question("$queue/nothing/x"))).toEqual({ outcome: "no-responder" });
    expect(await administration.request(question("$group/nothing/x"))).toEqual({ outcome: "no-responder" });
  });

  it("ends with its time, and an answer after that, or a second one, reaches nobody", async () => {
    const clock = new ManualClock();
    const { administration, device, gateway } = await house(root, {}, clock);
    const responder = await device("responder");
    await responder.subscribe({ service: 1 });
    const slow = administration.request(question("service"));
    const { properties } = await responder.take();
    clock.advance(4999);
    await responder.ping();
    clock.advance(1);
    expect(await slow).toEqual({ outcome: "timeout" });
    await responder.publishWhole(properties.responseTopic as string, "late", { qos: 1 });
    const quick = administration.request(question("service"));
    const request = await responder.take();
    for (const payload of ["first", "second"]) {
      await responder.publishWhole(request.properties.responseTopic as string, payload, { qos: 2 });
    }
    expect(textOf(await quick)).toBe("first");
    expect(gateway.broker.router.current).toBe(0);
  });

  it("tells its responder how long its answer is wanted, and is not delivered after that", async () => {
    const clock = new ManualClock();
    const { administration, device, away, letters } = await house(root, {}, clock);
    await away("responder", { service: 1 });
    const outcome = administration.request(question("service"));
    clock.advance(6000);
    expect(await outcome).toEqual({ outcome: "timeout" });
    const back = await device("responder", { livesSeconds: 3600 });
    expect(await back.payloads()).toEqual([]);
    expect(letters()).toMatchObject([
      { reason: "expired", topic: "service", origin: null, destination: { kind: "device", name: "responder" } },
    ]);
  });

  it("waits for a responder that is away with a session, and gets its answer when it is back", async () => {
    const { administration, device, away } = await house(root);
    await away("responder", { service: 1 });
    const outcome = administration.request(question("service"));
    const back = await device("responder", { livesSeconds: 3600 });
    await answer(back, "reply");
    expect(textOf(await outcome)).toBe("reply");
  });

  it("may go to a queue, a group, or a shared subscription", async () => {
    const changes = { queues: { jobs: { topics: ["jobs/#"] } }, groups: { floor: { members: ["member-*"] } } };
    const { administration, device } = await house(root, changes);
    const worker = await device("worker");
    await worker.subscribe({ "$queue/jobs": 1 });
    const member = await device("member-1");
    const sharer = await device("sharer");
    await sharer.subscribe({ "$share/g/shared": 1 });
    for (const [topic, responder] of [
      ["jobs/1", worker],
      ["$queue/jobs/1", worker],
      ["$group/floor/1", member],
      ["shared", sharer],
    ] as const) {
      const outcome = administration.request(question(topic));
      await answer(responder, `by ${topic}`);
      expect(textOf(await outcome)).toBe(`by ${topic}`);
    }
  });

  it("is shown to workers of MQTT 3.1.1 behind a queue of $request topics", async () => {
    const { administration, device } = await house(root, { queues: { jobs: { topics: ["$request/+/jobs/#"] } } });
    const worker = await device("worker", { version: 4 });
    await worker.subscribe({ "$queue/jobs": 1 });
    const outcome = administration.request(question("jobs/1"));
    await answer(worker, "done");
    expect(textOf(await outcome)).toBe("done");
  });

  it("may be one of 1,000 at once, and each gets its own answer; the next is refused", async () => {
    const { administration, device } = await house(root, { sessions: { inFlightMax: 2000 } });
    const responder = await device("responder");
    await responder.subscribe({ "service/+": 1 });
    const all = Array.from({ length: 1000 }, (_, n) =>
      administration.request(question(`service/${n}`, { timeoutMs: 60_000 })),
    );
    await expect((async () => administration.request(question("service/x")))()).rejects.toMatchObject({
      code: "ERR_LIMIT_EXCEEDED",
    });
    const requests: Awaited<ReturnType<Device5["take"]>>[] = [];
    while (requests.length < 1000) requests.push(...(await responder.takeAll()));
    for (const { topic, properties } of requests.reverse()) {
      responder.publish(properties.responseTopic as string, `to ${topic}`, { qos: 1 });
    }
    const answers = (await Promise.all(all)).map(textOf);
    expect(answers).toEqual(Array.from({ length: 1000 }, (_, n) => `to service/${n}`));
    expect(await administration.request(question("nobody"))).toEqual({ outcome: "no-responder" });
  });

  it.each(["a/#", "+/a", "", "a\0b", "$SYS/broker/uptime"])(
    "is refused for the topic %j, as a rejection",
    async (topic) => {
      const { administration } = await house(root);
      let outcome: Promise<unknown> | undefined;
      expect(() => {
        outcome = administration.request(question(topic));
        outcome.catch(() => {});
      }).not.toThrow();
      await expect(outcome).rejects.toMatchObject({ code: "ERR_USAGE" });
    },
  );

  it("ends with ERR_CLOSED where the gateway stops meanwhile", async () => {
    const { administration, device, gateway } = await house(root);
    const responder = await device("responder");
    await responder.subscribe({ service: 1 });
    const outcomes = [1, 2, 3].map(() => administration.request(question("service")));
    const caught = Promise.all(outcomes.map((each) => each.catch((error: { code: string }) => error.code)));
    await gateway.stop();
    expect(await caught).toEqual(["ERR_CLOSED", "ERR_CLOSED", "ERR_CLOSED"]);
  });

  it("is answered with ERR_CLOSED when the gateway has stopped", async () => {
    const { administration, gateway } = await house(root);
    await gateway.stop();
    await expect((async () => administration.request(question("service")))()).rejects.toMatchObject({
      code: "ERR_CLOSED",
    });
  });

  it("carries a payload of 3 MB, and gets one", async () => {
    const { administration, device } = await house(root);
    const responder = await device("responder");
    await responder.subscribe({ service: 1 });
    const large = Buffer.alloc(3_000_000, 7);
    const outcome = administration.request(question("service", { payload: large }));
    await answer(responder, large);
    const answered = await outcome;
    expect(answered.outcome === "answer" && answered.payload.equals(large)).toBe(true);
  });

  it("leaves no retained message behind where its answer was published as one", async () => {
    const { administration, device, gateway } = await house(root);
    for (const version of [4, 5] as const) {
      const responder = await device(`responder-${version}`, { version });
      const topic = `service/${version}`;
      await responder.subscribe({ [version === 4 ? `$request/+/${topic}` : topic]: 1 });
      const outcome = administration.request(question(topic));
      await answer(responder, "reply", { retain: true });
      expect(textOf(await outcome)).toBe("reply");
    }
    const left = await gateway.broker.store.retainedMatching(["$reply/#", "$answer/#"]);
    expect(left.map(({ topic }) => topic)).toEqual([]);
  });

  it("says nothing of a responder whose device is full: it ends with its time", async () => {
    const clock = new ManualClock();
    const { administration, device, away } = await house(root, { mailboxes: { messagesMax: 1 } }, clock);
    await away("responder", { service: 1 });
    const publisher = await device("publisher");
    await publisher.publishWhole("service", "fills", { qos: 1 });
    const outcome = administration.request(question("service"));
    await turns();
    clock.advance(5000);
    expect(await outcome).toEqual({ outcome: "timeout" });
  });
});

describe("a request over the control socket", () => {
  it("distinguishes answer, no responder and timeout", async () => {
    const running = await house(root);
    const responder = await running.device("responder");
    await responder.subscribe({ service: 2, slow: 1 });
    const payload = Buffer.of(0, 255, 1).toString("base64");
    const asked = posted(running, {
      topic: "service",
      payload,
      timeoutSeconds: 30,
      qos: 2,
      userProperties: [["a", "b"]],
    });
    const request = await responder.message();
    expect(request).toMatchObject({ qos: 2, properties: { userProperties: { a: "b" } } });
    await responder.acknowledge(request);
    await responder.publishWhole(request.properties.responseTopic as string, Buffer.of(255, 0), { qos: 1 });
    expect(await asked).toMatchObject({
      status: 200,
      outcome: "answer",
      payload: Buffer.of(255, 0).toString("base64"),
    });
    expect(await posted(running, { topic: "nobody" })).toMatchObject({ status: 200, outcome: "no-responder" });
    expect(await posted(running, { topic: "slow", timeoutSeconds: 0.05 })).toMatchObject({
      status: 200,
      outcome: "timeout",
    });
  });

  it("is refused with a status and a reason where it is wrong", async () => {
    const running = await house(root);
    for (const body of [
      {},
      { topic: "a/#" },
      { topic: "$SYS/x" },
      { topic: "a", payload: "no base64!" },
      { topic: "a", qos: 3 },
    ]) {
      const { status, error } = await posted(running, body);
      expect({ status, code: error?.code }).toEqual({ status: 400, code: "ERR_USAGE" });
    }
  });

  it("gets an answer, an error or the end of the connection where the gateway stops meanwhile, and does not hold it up", async () => {
    const running = await house(root);
    const responder = await running.device("responder");
    await responder.subscribe({ service: 1 });
    const asked = posted(running, { topic: "service", timeoutSeconds: 60 }).then(
      ({ status, error }) => ({ status, code: error?.code }),
      () => "connection ended",
    );
    await responder.take();
    await running.gateway.stop();
    expect(["connection ended", { status: 503, code: "ERR_CLOSED" }]).toContainEqual(await asked);
  });
});
