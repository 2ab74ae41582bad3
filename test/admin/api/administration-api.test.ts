import { describe, expect, it } from "vitest";
import { AdministrationApi } from "../../../src/admin/api/administration-api.ts";
import { WaypostError } from "../../../src/waypost-error.ts";
import { LogRecorder } from "../../support/log-recorder.ts";
import { deadLetter, FakeAdministration, mailboxReport } from "../fake-administration.ts";

function started() {
  const administration = new FakeAdministration();
  administration.letters.push(deadLetter({ id: 9 }), deadLetter({ id: 4 }));
  const log = new LogRecorder();
  const api = new AdministrationApi({ administration, log });
  /** `line` is the first of an HTTP request; a body that is no text becomes JSON. */
  const ask = (line: string, body?: unknown) => {
    const [method = "", target = ""] = line.split(" ");
    const [path = "", query = ""] = target.split("?");
    const bytes = body === undefined || Buffer.isBuffer(body) ? (body ?? "") : JSON.stringify(body);
    return api.handle({ method, path, query, body: Buffer.from(bytes) });
  };
  return { administration, log, ask };
}

const jobs = { kind: "queue", name: "jobs" };
const lamp = { kind: "device", name: "lamp" };
const cloud = { kind: "bridge", name: "cloud" };

describe("the administration over JSON", () => {
  it("shows queues, mailboxes, bridges, groups and dead letters", async () => {
    const { administration, ask } = started();
    const { queueReports, mailboxReports, bridgeReports, groupReports, letters } = administration;
    expect(await ask("GET /queues")).toEqual({ status: 200, body: { queues: queueReports } });
    expect(await ask("GET /queues/jobs")).toEqual({ status: 200, body: queueReports[0] });
    expect(await ask("GET /mailboxes")).toEqual({ status: 200, body: { mailboxes: mailboxReports } });
    expect(await ask("GET /mailboxes/lamp")).toEqual({ status: 200, body: mailboxReports[0] });
    expect(await ask("GET /bridges")).toEqual({ status: 200, body: { bridges: bridgeReports } });
    expect(await ask("GET /bridges/cloud")).toEqual({ status: 200, body: bridgeReports[0] });
    expect(await ask("GET /groups")).toEqual({ status: 200, body: { groups: groupReports } });
    expect(await ask("GET /dead-letters")).toMatchObject({ status: 200, body: { letters } });
    expect(await ask("GET /dead-letters/4")).toMatchObject({ status: 200, body: { id: 4, payload: "MjEuNQ==" } });
  });

  it.each<[line: string, body: unknown, status: number, call: unknown[], answer: object]>([
    ["POST /queues", { name: "new" }, 201, ["createQueue", "new", {}], { name: "new", origin: "created" }],
    ["POST /queues", { name: "a", settings: { topics: ["b"] } }, 201, ["createQueue", "a", { topics: ["b"] }], {}],
    ["DELETE /queues/jobs", undefined, 200, ["removeQueue", "jobs", false], { messages: 0 }],
    ["DELETE /queues/jobs?force=false", undefined, 200, ["removeQueue", "jobs", false], {}],
    ["DELETE /queues/jobs?force=true", undefined, 200, ["removeQueue", "jobs", true], {}],
    ["POST /queues/jobs/pause", undefined, 200, ["pause", jobs], { paused: true }],
    ["POST /queues/jobs/resume", {}, 200, ["resume", jobs], { paused: false }],
    ["POST /queues/jobs/purge", undefined, 200, ["purge", jobs], { messages: 120 }],
    ["POST /queues/jobs/move", { to: lamp }, 200, ["move", jobs, lamp, undefined], { messages: 5, left: 0 }],
    ["POST /queues/jobs/move", { to: jobs, max: 2 }, 200, ["move", jobs, jobs, 2], {}],
    ["POST /mailboxes/lamp/pause", undefined, 200, ["pause", lamp], { paused: true }],
    ["POST /mailboxes/lamp/resume", undefined, 200, ["resume", lamp], { paused: false }],
    ["POST /mailboxes/lamp/purge", undefined, 200, ["purge", lamp], { messages: 120 }],
    ["POST /mailboxes/lamp/move", { to: jobs }, 200, ["move", lamp, jobs, undefined], {}],
    ["POST /bridges/cloud/pause", undefined, 200, ["pause", cloud], { paused: true }],
    ["POST /bridges/cloud/resume", undefined, 200, ["resume", cloud], { paused: false }],
    ["POST /bridges/cloud/drain", undefined, 200, ["drainBridge", "cloud"], { name: "cloud", draining: false }],
    ["POST /bridges/cloud/purge", undefined, 200, ["purge", cloud], { messages: 120 }],
    ["POST /bridges/cloud/move", { to: jobs, max: 9 }, 200, ["move", cloud, jobs, 9], {}],
    ["POST /queues/jobs/move", { to: cloud }, 200, ["move", jobs, cloud, undefined], {}],
    ["DELETE /bridges/cloud", undefined, 200, ["removeBridge", "cloud", false], { messages: 0 }],
    ["DELETE /bridges/cloud?force=true", undefined, 200, ["removeBridge", "cloud", true], {}],
    ["GET /dead-letters", undefined, 200, ["deadLetters", { max: 100 }], {}],
    [
      "GET /dead-letters?reason=expired&destination=a%2Fb+c&max=5&before=7",
      undefined,
      200,
      ["deadLetters", { reason: "expired", destination: "a/b c", max: 5, before: 7 }],
      {},
    ],
    ["POST /dead-letters/requeue", { all: true }, 200, ["requeue", { all: true }, false], { requeued: 3, refused: 0 }],
    ["POST /dead-letters/requeue", { ids: [1, 2], force: true }, 200, ["requeue", { ids: [1, 2] }, true], {}],
    [
      "POST /dead-letters/purge",
      { reason: "expired", destination: "lamp" },
      200,
      ["purgeDeadLetters", { reason: "expired", destination: "lamp" }],
      { messages: 1 },
    ],
  ])("%s %j", async (line, body, status, call, answer) => {
    const { administration, ask } = started();
    expect(await ask(line, body)).toMatchObject({ status, body: answer });
    expect(administration.calls).toEqual([call]);
  });

  it("takes names as they are, percent-encoded: with slashes, dots and names of objects' own things", async () => {
    const { administration, ask } = started();
    for (const device of ["a/b", "..", "%2F", "__proto__", "constructor", "ä ö?#", "*", "\0"]) {
      administration.mailboxReports.push(mailboxReport({ device }));
      expect(await ask(`GET /mailboxes/${encodeURIComponent(device)}`)).toMatchObject({
        status: 200,
        body: { device },
      });
    }
  });

  it("says in the log what was changed, but not what was only looked at", async () => {
    const { log, ask } = started();
    await ask("GET /queues");
    await ask("POST /requests", { topic: "a" });
    await ask("POST /queues/jobs/purge");
    expect(log.lines).toEqual([
      {
        level: "info",
        fields: { method: "POST", path: "/queues/jobs/purge" },
        text: "changed by the administration",
      },
    ]);
  });
});

describe("POST /requests", () => {
  it("sends the request and answers with the answer, its payload as base64", async () => {
    const { administration, ask } = started();
    administration.onRequest = async () => ({
      outcome: "answer",
      topic: "$reply/x/1",
      payload: Buffer.from([0, 255]),
      properties: { contentType: "a/b", userProperties: [["a", "b"]] },
      afterMs: 12,
    });
    const given = { topic: "lights/hall", payload: "AP8=", timeoutSeconds: 0.25, qos: 2, contentType: "text/plain" };
    expect(await ask("POST /requests", { ...given, userProperties: [["unit", ""]] })).toEqual({
      status: 200,
      body: {
        outcome: "answer",
        topic: "$reply/x/1",
        payload: "AP8=",
        properties: { contentType: "a/b", userProperties: [["a", "b"]] },
        afterMs: 12,
      },
    });
    const options = { topic: "lights/hall", payload: Buffer.from([0, 255]), timeoutMs: 250, qos: 2 };
    const call = ["request", { ...options, contentType: "text/plain", userProperties: [["unit", ""]] }];
    expect(administration.calls).toEqual([call]);
  });

  it("has an empty payload and five seconds where nothing else is asked for", async () => {
    const { administration, ask } = started();
    expect(await ask("POST /requests", { topic: "a" })).toEqual({ status: 200, body: { outcome: "no-responder" } });
    expect(administration.calls).toEqual([["request", { topic: "a", payload: Buffer.alloc(0), timeoutMs: 5000 }]]);
  });
});

const deep = Buffer.from("[".repeat(100_000) + "]".repeat(100_000));

describe("what cannot be meant", () => {
  it.each<[line: string, body: unknown, text: string]>([
    ["POST /queues", undefined, "body: name is missing"],
    ["POST /queues", Buffer.from("{"), "body: this is no JSON: "],
    ["POST /queues", Buffer.from([0x22, 0xff, 0x22]), "body: this is no JSON: it is not UTF-8"],
    ["POST /queues", [], "body must be an object, not an empty list"],
    ["POST /queues", null, "body must be an object, not null"],
    ["POST /queues", "jobs", 'body must be an object, not "jobs"'],
    ["POST /queues", deep, "body must be an object, not a list"],
    ["POST /queues", { name: deep.toString() }, "body: name must be at most 65535 bytes long"],
    ["POST /queues", { name: [[]] }, "body: name must be a text, not a list"],
    ["POST /queues", { name: 5 }, "body: name must be a text, not 5"],
    ["POST /queues", { name: "" }, 'body: name must be a name, not ""'],
    ["POST /queues", { name: "x", setting: {} }, 'body: "setting" is no known key: there are name, settings'],
    ["POST /queues", Buffer.from('{"name":"x","__proto__":{}}'), 'body: "__proto__" is no known key'],
    ["POST /queues?a=1", { name: "x" }, 'query: "a" is no known key: nothing belongs here'],
    ["GET /queues?a", undefined, 'query: "a" is no known key'],
    ["GET /queues/jobs", { a: 1 }, 'body: "a" is no known key: nothing belongs here'],
    ["DELETE /queues/jobs?force=yes", undefined, 'query: force must be "true" or "false", not "yes"'],
    ["DELETE /queues/jobs?force=true&force=true", undefined, 'query: "force" is given twice'],
    ["DELETE /queues/jobs", { force: true }, 'body: "force" is no known key'],
    ["POST /queues/jobs/pause", { paused: true }, 'body: "paused" is no known key'],
    ["POST /queues/jobs/move", {}, "body: to is missing"],
    ["POST /queues/jobs/move", { to: "lamp" }, 'body: to must be an object, not "lamp"'],
    [
      "POST /queues/jobs/move",
      { to: { kind: "topic", name: "a" } },
      'body: to.kind must be "queue" or "device" or "bridge"',
    ],
    ["POST /queues/jobs/move", { to: { kind: "queue" } }, "body: to.name is missing"],
    ["POST /queues/jobs/move", { to: { kind: "queue", name: "" } }, "body: to.name must be a name"],
    ["POST /queues/jobs/move", { to: { ...lamp, max: 1 } }, 'body: to."max" is no known key: there are kind, name'],
    ["POST /queues/jobs/move", { to: lamp, max: 0 }, "body: max must be a whole number from 1 to 4294967295, not 0"],
    ["POST /queues/jobs/move", { to: lamp, max: 1.5 }, "body: max must be a whole number"],
    [
      "POST /queues/jobs/move",
      { to: lamp, max: "1" },
      'body: max must be a whole number from 1 to 4294967295, not "1"',
    ],
    ["POST /queues/jobs/move", { to: lamp, max: null }, "not null"],
    ["POST /mailboxes/lamp/move", Buffer.from('{"to":{},"max":1e999}'), "body: to.kind is missing"],
    [
      "POST /mailboxes/lamp/move",
      Buffer.from('{"max":1e999,"to":{"kind":"queue","name":"a"}}'),
      "body: max must be a whole number from 1 to 4294967295, not a number beyond all limits",
    ],
    ["DELETE /bridges/cloud?force=yes", undefined, 'query: force must be "true" or "false", not "yes"'],
    ["POST /bridges/cloud/drain", { timeoutSeconds: 5 }, 'body: "timeoutSeconds" is no known key'],
    ["GET /dead-letters?max=0", undefined, "query: max must be a whole number from 1 to 1000, not 0"],
    ["GET /dead-letters?max=1001", undefined, "query: max must be a whole number"],
    ["GET /dead-letters?max=0x10", undefined, "query: max must be a whole number"],
    ["GET /dead-letters?max=-1", undefined, "query: max must be a whole number"],
    ["GET /dead-letters?max=", undefined, "query: max must be a whole number"],
    ["GET /dead-letters?before=99999999999999999999", undefined, "query: before must be a whole number"],
    ["GET /dead-letters?reason=", undefined, "query: reason must be a name"],
    ["GET /dead-letters?since=1", undefined, "there are reason, destination, max, before"],
    ["GET /dead-letters/one", undefined, "the id of a dead letter must be a whole number"],
    ["GET /dead-letters/9007199254740993", undefined, "the id of a dead letter must be a whole number"],
    ["POST /dead-letters/requeue", undefined, "body: say which dead letters: ids, reason or destination, or all: true"],
    ["POST /dead-letters/requeue", { force: true }, "body: say which dead letters"],
    ["POST /dead-letters/requeue", { all: false }, "body: all must be true, not false"],
    ["POST /dead-letters/requeue", { ids: [] }, "body: ids must be a list that is not empty, not an empty list"],
    ["POST /dead-letters/requeue", { ids: 1 }, "body: ids must be a list that is not empty, not 1"],
    ["POST /dead-letters/requeue", { ids: [1, "2"] }, "body: ids[1] must be a whole number"],
    ["POST /dead-letters/requeue", { ids: [2 ** 53] }, "body: ids[0] must be a whole number"],
    ["POST /dead-letters/requeue", { ids: [1], force: "yes" }, "body: force must be true or false"],
    ["POST /dead-letters/purge", {}, "body: say which dead letters"],
    ["POST /dead-letters/purge", { ids: [1], force: true }, 'body: "force" is no known key'],
    ["POST /requests", {}, "body: topic is missing"],
    ["POST /requests", { topic: "a\0" }, "body: topic must be text without U+0000"],
    ["POST /requests", { topic: "\ud800" }, "body: topic must be text without U+0000 and without halves"],
    ["POST /requests", { topic: "ä".repeat(40_000) }, "body: topic must be at most 65535 bytes long"],
    ["POST /requests", { topic: "a", payload: "%" }, 'body: payload must be base64 with its padding, not "%"'],
    ["POST /requests", { topic: "a", payload: "AA" }, "body: payload must be base64"],
    ["POST /requests", { topic: "a", payload: [1] }, "body: payload must be base64 with its padding, not a list"],
    [
      "POST /requests",
      { topic: "a", timeoutSeconds: 0 },
      "body: timeoutSeconds must be a number above 0 and up to 3600",
    ],
    ["POST /requests", { topic: "a", timeoutSeconds: 3601 }, "body: timeoutSeconds must be a number"],
    ["POST /requests", { topic: "a", timeoutSeconds: "5" }, "body: timeoutSeconds must be a number"],
    ["POST /requests", Buffer.from('{"topic":"a","timeoutSeconds":1e999}'), "not a number beyond all limits"],
    ["POST /requests", { topic: "a", qos: 3 }, "body: qos must be 0 or 1 or 2, not 3"],
    ["POST /requests", { topic: "a", qos: "1" }, "body: qos must be 0 or 1 or 2"],
    ["POST /requests", { topic: "a", contentType: 1 }, "body: contentType must be a text"],
    ["POST /requests", { topic: "a", userProperties: { a: "b" } }, "body: userProperties must be a list"],
    [
      "POST /requests",
      { topic: "a", userProperties: [["a"]] },
      "body: userProperties[0] must be a pair: [name, value]",
    ],
    ["POST /requests", { topic: "a", userProperties: [["a", 1]] }, "body: userProperties[0][1] must be a text, not 1"],
    ["GET /mailboxes/%", undefined, "the path has a percent sign that is no escape of UTF-8"],
    ["GET /mailboxes/%ff", undefined, "the path has a percent sign"],
    ["GET queues", undefined, "the path must begin with a slash"],
    ["GET *", undefined, "the path must begin with a slash"],
    ["GET http://localhost/queues", undefined, "the path must begin with a slash"],
  ])("%s %j is a mistake of whoever asks", async (line, body, text) => {
    const { administration, log, ask } = started();
    const answer = await ask(line, body);
    expect(answer).toMatchObject({ status: 400, body: { error: { code: "ERR_USAGE" } } });
    const { message } = (answer.body as { error: { message: string } }).error;
    expect(message).toContain(text);
    expect(message.length).toBeLessThan(250);
    expect({ calls: administration.calls, lines: log.lines }).toEqual({ calls: [], lines: [] });
  });

  it.each([
    "GET /",
    "GET /bogus",
    "GET /queues/",
    "GET //queues",
    "GET /queues//pause",
    "POST /queues/jobs/bogus",
    "POST /queues/jobs/pause/",
    "GET /queues/../mailboxes",
    "GET /__proto__",
    "GET /queues%2Fjobs",
    "GET /QUEUES",
  ])("%s is nothing that there is", async (line) => {
    expect(await started().ask(line)).toMatchObject({
      status: 404,
      body: { error: { code: "ERR_NOT_FOUND", message: expect.stringContaining("there are /queues, /mailboxes, ") } },
    });
  });

  it.each([
    ["PUT /queues", "GET, POST"],
    ["POST /queues/jobs", "GET, DELETE"],
    ["GET /queues/jobs/purge", "POST"],
    ["HEAD /groups", "GET"],
    ["get /groups", "GET"],
    ["POST /bridges", "GET"],
    ["GET /bridges/cloud/drain", "POST"],
  ])("%s is possible with %s only", async (line, allow) => {
    const body = { error: { code: "ERR_USAGE", message: expect.stringContaining(`use ${allow}`) } };
    expect(await started().ask(line)).toEqual({ status: 405, headers: { allow }, body });
  });

  it("answers with what the administration says is wrong", async () => {
    const { ask } = started();
    expect(await ask("GET /queues/none")).toEqual({
      status: 404,
      body: { error: { code: "ERR_NOT_FOUND", message: "there is no queue none" } },
    });
  });

  it.each([
    ["ERR_USAGE", 400],
    ["ERR_CONFIG_INVALID", 400],
    ["ERR_TOPIC_INVALID", 400],
    ["ERR_CONFLICT", 409],
    ["ERR_PACKET_TOO_LARGE", 413],
    ["ERR_LIMIT_EXCEEDED", 503],
    ["ERR_STORE", 503],
    ["ERR_CLOSED", 503],
  ] as const)("answers %s with status %i", async (code, status) => {
    const { administration, log, ask } = started();
    administration.failure = new WaypostError(code, "so it is");
    expect(await ask("POST /queues/jobs/purge")).toEqual({ status, body: { error: { code, message: "so it is" } } });
    expect(log.lines).toEqual([]);
  });

  it("tells a defect to the log, not to whoever asks", async () => {
    const { administration, log, ask } = started();
    administration.failure = new TypeError("secret is undefined");
    const answer = await ask("POST /queues/jobs/pause");
    expect(answer).toMatchObject({ status: 500, body: { error: { code: "ERR_INVARIANT" } } });
    expect(JSON.stringify(answer)).not.toContain("secret");
    expect(log.complaints).toMatchObject([{ level: "error", fields: { error: administration.failure } }]);
  });
});
