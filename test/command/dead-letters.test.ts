import { describe, expect, it } from "vitest";
import { deadLetter } from "../admin/fake-administration.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { gatewayToAsk } from "./gateway-to-ask.ts";

const root = temporaryDirectory();

async function gateway(count = 0) {
  const made = await gatewayToAsk(root);
  for (let id = count; id > 0; id--) made.administration.letters.push(deadLetter({ id }));
  return made;
}

describe("waypost dead-letters list", () => {
  it("lists them, the newest first, and counts them by reason", async () => {
    const { administration, ask } = await gateway();
    const shared = { kind: "shared-subscription", name: "$share/w/a" } as const;
    administration.letters.push(
      deadLetter({ id: 12, destination: { kind: "queue", name: "jobs" }, origin: null, requeues: 2 }),
      deadLetter({ id: 7, topic: "a\nb", destination: shared, reason: "mailbox-full" }),
    );
    const { code, out } = await ask(["dead-letters", "list"]);
    expect(code).toBe(0);
    expect(out.replaceAll(/ +/g, " ").split("\n")).toEqual([
      "id at reason destination topic QoS payload from requeued",
      "12 2023-11-14T22:13:20.000Z expired queue jobs sensors/1 1 4 B the gateway 2",
      "7 2023-11-14T22:13:20.000Z mailbox-full $share/w/a a\\u{a}b 1 4 B probe 0",
      "",
      "2 dead letters kept, 2.0 KiB",
      "since the gateway started: expired 7, too-large 1",
      "",
    ]);
    expect(administration.calls).toEqual([["deadLetters", { max: 100 }]]);
  });

  it("passes on what is asked for", async () => {
    const { administration, ask } = await gateway();
    await ask(["dead-letters", "list", "--reason", "expired", "--destination", "a b&c", "--max", "7"]);
    expect(administration.calls).toEqual([["deadLetters", { reason: "expired", destination: "a b&c", max: 7 }]]);
  });

  it("asks for more than a thousand bit by bit, and says where there are more", async () => {
    const { administration, ask } = await gateway(2500);
    const all = JSON.parse((await ask(["dead-letters", "list", "--max", "5000", "--json"])).out);
    expect(all.letters.map(({ id }: { id: number }) => id)).toEqual(Array.from({ length: 2500 }, (_, n) => 2500 - n));
    expect(administration.calls).toEqual([
      ["deadLetters", { max: 1000 }],
      ["deadLetters", { max: 1000, before: 1501 }],
      ["deadLetters", { max: 1000, before: 501 }],
    ]);
    const { out } = await ask(["dead-letters", "list", "--max", "2000"]);
    expect(out.match(/^\d+ +2023/gm)).toHaveLength(2000);
    expect(out).toContain("\nthese are the newest 2000; --max shows more\n");
  });
});

describe("waypost dead-letters show", () => {
  it("shows one with its payload and properties", async () => {
    const { ask } = await gateway(3);
    expect(await ask(["dead-letters", "show", "2"])).toEqual({
      code: 0,
      err: "",
      out: [
        "dead letter 2",
        "  reason: expired",
        "  at: 2023-11-14T22:13:20.000Z",
        "  destination: device lamp",
        "  from: probe",
        "  requeued: 0",
        "  topic: sensors/1",
        "  QoS 1, 4 B",
        '  contentType: "text/plain"',
        "  payload: 21.5",
        "",
      ].join("\n"),
    });
    expect(JSON.parse((await ask(["dead-letters", "show", "2", "--json"])).out)).toMatchObject({ payload: "MjEuNQ==" });
    expect(await ask(["dead-letters", "show", "4"])).toMatchObject({
      code: 1,
      err: expect.stringContaining("no dead letter 4"),
    });
  });
});

describe("waypost dead-letters requeue and purge", () => {
  it.each<[args: string, out: string, call: unknown[]]>([
    ["requeue 4 9", "requeued 3 dead letters", ["requeue", { ids: [4, 9] }, false]],
    ["requeue --all --force", "requeued 3 dead letters", ["requeue", { all: true }, true]],
    ["requeue --reason expired", "requeued 3 dead letters", ["requeue", { reason: "expired" }, false]],
    ["purge 4", "purged 1 dead letter", ["purgeDeadLetters", { ids: [4] }]],
    ["purge --all", "purged 1 dead letter", ["purgeDeadLetters", { all: true }]],
    [
      "purge --reason expired --destination lamp",
      "purged 1 dead letter",
      ["purgeDeadLetters", { reason: "expired", destination: "lamp" }],
    ],
  ])("waypost dead-letters %s", async (args, out, call) => {
    const { administration, ask } = await gateway();
    expect(await ask(["dead-letters", ...args.split(" ")])).toEqual({ code: 0, out: `${out}\n`, err: "" });
    expect(administration.calls).toEqual([call]);
  });

  it("exits with 1 where some were refused, and says what to do", async () => {
    const { administration, ask } = await gateway();
    administration.answers.requeue = { requeued: 1, refused: 2 };
    expect(await ask(["dead-letters", "requeue", "--all"])).toEqual({
      code: 1,
      out: "requeued 1 dead letter\n",
      err: "waypost dead-letters requeue: 2 dead letters refused: there is no room for them, or nobody to get them; or they failed often, and --force tries them\n",
    });
    expect(await ask(["dead-letters", "requeue", "--all", "--force", "--json"])).toMatchObject({
      code: 1,
      out: '{"requeued":1,"refused":2}\n',
    });
  });
});
