import { describe, expect, it } from "vitest";
import { WaypostError } from "../../src/waypost-error.ts";
import { mailboxReport, queueReport } from "../admin/fake-administration.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { gatewayToAsk } from "./gateway-to-ask.ts";

const root = temporaryDirectory();
const gateway = () => gatewayToAsk(root);

const busy = queueReport({
  name: "jobs",
  topics: ["jobs/#", "more\u0007"],
  messages: 120,
  bytes: 12_600,
  delayed: 4,
  oldestSeconds: 190,
  inDelivery: 7,
  consumers: [
    { id: "worker\n1", online: true, backup: false, inDelivery: 7 },
    { id: "worker-2", online: true, backup: true, inDelivery: 0 },
    { id: "worker-3", online: false, backup: false, inDelivery: 0 },
  ],
  perSecond: { arrived: 10.06, settled: 340.4, redelivered: 0 },
  totals: { arrived: 1000, settled: 870, redelivered: 3, deadLetters: 10 },
});

describe("waypost queues", () => {
  it("lists the queues, with a command and without", async () => {
    const { administration, ask } = await gateway();
    administration.queueReports.push(busy, queueReport({ name: "old", paused: true, origin: "left-over" }));
    administration.queueReports.shift();
    const listed = {
      code: 0,
      err: "",
      out:
        "queue  messages     bytes        oldest  in delivery     consumers  in/s  out/s              state\n" +
        "jobs        120  12.3 KiB  3 min 10 s            7  1 + 1 backup  10.1    340            running\n" +
        "old           0       0 B             -            0             0     0      0  paused, left over\n",
    };
    const listing = await ask(["queues"]);
    expect({ ...listing, out: listing.out.replaceAll(/ +/g, " ") }).toEqual({
      ...listed,
      out: listed.out.replaceAll(/ +/g, " "),
    });
    expect(await ask(["queues", "list"])).toEqual(listing);
    expect(JSON.parse((await ask(["queues", "--json"])).out)).toEqual({ queues: administration.queueReports });
  });

  it("says what to do where there are none", async () => {
    const { administration, ask } = await gateway();
    administration.queueReports.length = 0;
    expect(await ask(["queues"])).toMatchObject({ code: 0, out: expect.stringContaining("there are no queues: ") });
  });

  it("shows one queue with its consumers", async () => {
    const { administration, ask } = await gateway();
    administration.queueReports[0] = busy;
    expect((await ask(["queues", "show", "jobs"])).out).toBe(
      [
        "queue jobs, running",
        "  from: the configuration",
        "  topics: jobs/#, more\\u{7}",
        "  120 messages waiting, 12.3 KiB, the oldest for 3 min 10 s; 4 delayed",
        "  limits: 100000 messages, 64.0 MiB",
        "  in delivery: 7",
        "  per second: 10.1 in, 340 out, 0 again",
        "  since the gateway started: 1000 in, 870 out, 3 again, 10 to the dead letters",
        "",
        "consumer      in delivery      is",
        "worker\\u{a}1            7  online",
        "worker-2                0  backup",
        "worker-3                0    away",
        "",
      ].join("\n"),
    );
    expect(JSON.parse((await ask(["queues", "show", "jobs", "--json"])).out)).toEqual(busy);
    expect(await ask(["queues", "show", "none"])).toEqual({
      code: 1,
      out: "",
      err: "waypost queues show: there is no queue none\n",
    });
  });

  it("creates one, its settings as the configuration would have them", async () => {
    const { administration, ask } = await gateway();
    const settings = ["deliveriesMax=5", "bytesMax=1MiB", "dispatch=by-key", "keyProperty=7", "x=a=b"];
    const args = ["queues", "create", "new", "--topic", "a/#", "--topic", "b/+"];
    expect(await ask([...args, ...settings.flatMap((setting) => ["--setting", setting])])).toEqual({
      code: 0,
      out: "created the queue new; its topics: a/#, b/+\n",
      err: "",
    });
    expect(administration.calls).toEqual([
      [
        "createQueue",
        "new",
        { topics: ["a/#", "b/+"], deliveriesMax: 5, bytesMax: "1MiB", dispatch: "by-key", keyProperty: "7", x: "a=b" },
      ],
    ]);
    const priorities = '[{topics: ["a/#"], priority: 9}]';
    await ask(["queues", "create", "other", "--setting", `priorities=${priorities}`]);
    expect(administration.calls[1]).toEqual([
      "createQueue",
      "other",
      { priorities: [{ topics: ["a/#"], priority: 9 }] },
    ]);
  });

  it("removes one, and says what became of its messages", async () => {
    const { administration, ask } = await gateway();
    expect(await ask(["queues", "remove", "jobs"])).toEqual({ code: 0, out: "removed the queue jobs\n", err: "" });
    administration.answers.removeQueue = { messages: 1 };
    expect(await ask(["queues", "remove", "jobs", "--force"])).toMatchObject({
      out: "removed the queue jobs; 1 message went to the dead letters\n",
    });
    expect(administration.calls).toEqual([
      ["removeQueue", "jobs", false],
      ["removeQueue", "jobs", true],
    ]);
    administration.failure = new WaypostError("ERR_CONFLICT", "the queue jobs holds 5 messages: use force");
    expect(await ask(["queues", "remove", "jobs"])).toEqual({
      code: 1,
      out: "",
      err: "waypost queues remove: the queue jobs holds 5 messages: use force\n",
    });
  });
});

describe("waypost mailboxes", () => {
  it("lists them, the fullest first, and shows one", async () => {
    const { administration, ask } = await gateway();
    const full = mailboxReport({
      device: "a/b\u001b",
      messages: 3,
      bytes: 900,
      oldestSeconds: 5,
      online: true,
      paused: true,
    });
    administration.mailboxReports.push(full);
    const { code, out } = await ask(["mailboxes"]);
    expect(code).toBe(0);
    expect(out.replaceAll(/ +/g, " ").split("\n")).toEqual([
      "device messages bytes oldest in delivery is state",
      "a/b\\u{1b} 3 900 B 5 s 0 online paused",
      "lamp 0 0 B - 0 away running",
      "",
    ]);
    expect(await ask(["mailboxes", "list"])).toMatchObject({ out });
    expect((await ask(["mailboxes", "show", "a/b\u001b"])).out).toContain("a/b\\u{1b}");
    expect(JSON.parse((await ask(["mailboxes", "show", "lamp", "--json"])).out)).toMatchObject({ device: "lamp" });
    expect(await ask(["mailboxes", "show", ".."])).toMatchObject({
      code: 1,
      err: expect.stringContaining("no device .."),
    });
  });
});

describe("what waits", () => {
  it.each<[args: string, out: string, call: unknown[]]>([
    ["queues pause jobs", "paused the queue jobs", ["pause", { kind: "queue", name: "jobs" }]],
    ["queues resume jobs", "resumed the queue jobs", ["resume", { kind: "queue", name: "jobs" }]],
    ["queues purge jobs", "purged 120 messages from the queue jobs", ["purge", { kind: "queue", name: "jobs" }]],
    ["mailboxes pause a/b", "paused the mailbox of a/b", ["pause", { kind: "device", name: "a/b" }]],
    ["mailboxes resume a/b", "resumed the mailbox of a/b", ["resume", { kind: "device", name: "a/b" }]],
    ["mailboxes purge ..", "purged 120 messages from the mailbox of ..", ["purge", { kind: "device", name: ".." }]],
    [
      "queues move jobs other --max 5",
      "moved 5 messages from the queue jobs to the queue other",
      ["move", { kind: "queue", name: "jobs" }, { kind: "queue", name: "other" }, 5],
    ],
    [
      "queues move jobs device:queue:x",
      "moved 5 messages from the queue jobs to the mailbox of queue:x",
      ["move", { kind: "queue", name: "jobs" }, { kind: "device", name: "queue:x" }, undefined],
    ],
    [
      "mailboxes move lamp panel",
      "moved 5 messages from the mailbox of lamp to the mailbox of panel",
      ["move", { kind: "device", name: "lamp" }, { kind: "device", name: "panel" }, undefined],
    ],
    ["bridges pause cloud", "paused the bridge cloud", ["pause", { kind: "bridge", name: "cloud" }]],
    ["bridge resume cloud", "resumed the bridge cloud", ["resume", { kind: "bridge", name: "cloud" }]],
    ["bridges purge cloud", "purged 120 messages from the bridge cloud", ["purge", { kind: "bridge", name: "cloud" }]],
    [
      "bridges move cloud backup --max 7",
      "moved 5 messages from the bridge cloud to the bridge backup",
      ["move", { kind: "bridge", name: "cloud" }, { kind: "bridge", name: "backup" }, 7],
    ],
    [
      "queues move jobs bridge:cloud",
      "moved 5 messages from the queue jobs to the bridge cloud",
      ["move", { kind: "queue", name: "jobs" }, { kind: "bridge", name: "cloud" }, undefined],
    ],
    [
      "mailboxes move lamp queue:jobs",
      "moved 5 messages from the mailbox of lamp to the queue jobs",
      ["move", { kind: "device", name: "lamp" }, { kind: "queue", name: "jobs" }, undefined],
    ],
  ])("waypost %s", async (args, out, call) => {
    const { administration, ask } = await gateway();
    expect(await ask(args.split(" "))).toEqual({ code: 0, out: `${out}\n`, err: "" });
    expect(administration.calls).toEqual([call]);
  });

  it("and stays is said", async () => {
    const { administration, ask } = await gateway();
    administration.answers.move = { messages: 1, left: 4 };
    expect((await ask(["queues", "move", "jobs", "other"])).out).toBe(
      "moved 1 message from the queue jobs to the queue other; 4 left there\n",
    );
    expect((await ask(["queues", "move", "jobs", "other", "--json"])).out).toBe('{"messages":1,"left":4}\n');
    expect((await ask(["queues", "move", "jobs", "bridge:cloud"])).out).toBe(
      "moved 1 message from the queue jobs to the bridge cloud; 4 left there: the bridge has no room, or no rule that takes the next one\n",
    );
    expect((await ask(["queues", "move", "jobs", "bridge:cloud", "--max", "1"])).out).toContain("; 4 left there\n");
    expect((await ask(["queues", "pause", "jobs", "--json"])).out).toBe('{"paused":true}\n');
    expect((await ask(["queues", "purge", "jobs", "--json"])).out).toBe('{"messages":120}\n');
  });
});

describe("waypost groups", () => {
  it("lists them, and one with its devices", async () => {
    const { administration, ask } = await gateway();
    expect(await ask(["groups"])).toMatchObject({ out: "there are no groups: they are configured below groups\n" });
    const floor = { name: "floor-2", members: ["sensor-2-*", "hvac-7"], qos: 2 };
    administration.groupReports.push({ ...floor, devices: ["hvac-7", "sensor-2-1"], devicesCount: 1200 });
    const table = "group    QoS  devices             members\nfloor-2    2     1200  sensor-2-*, hvac-7\n";
    expect(await ask(["groups"])).toEqual({ code: 0, out: table, err: "" });
    expect(await ask(["groups", "floor-2"])).toMatchObject({
      out: `${table}\nhvac-7\nsensor-2-1\n... and 1198 more\n`,
    });
    expect(JSON.parse((await ask(["groups", "--json"])).out)).toEqual({ groups: administration.groupReports });
    expect(await ask(["groups", "none"])).toEqual({
      code: 1,
      out: "",
      err: "waypost groups: there is no group none: waypost groups lists all\n",
    });
  });
});
