import { describe, expect, it } from "vitest";
import { configJsonSchema } from "../../src/config/json-schema.ts";
import { loadConfig } from "../../src/config/load.ts";
import { load, mistakesOf } from "./config-file.ts";

const queues = (content: string) => `queues:\n  ${content}\n`;
const queuesOf = (content: string, sources = {}) => load(content, sources).config.queues;

const defaults = {
  topics: [],
  messagesMax: 100_000,
  bytesMax: 64 * 1024 * 1024,
  whenFull: "reject-newest",
  timeToLiveSeconds: 0,
  delaySeconds: 0,
  deliveriesMax: 10,
  settleTimeoutSeconds: 30,
  consumerWindow: 20,
  consumersMax: 1000,
  dispatch: "least-busy",
  keyProperty: "key",
  priorities: [],
};

describe("queues", () => {
  it("are none by default", () => {
    expect(queuesOf("")).toEqual({});
  });

  it("have defaults for every key", () => {
    expect(queuesOf(queues("jobs: {}"))).toEqual({ jobs: defaults });
  });

  it("are read with all their keys", () => {
    const content = `
queues:
  jobs:
    topics: [jobs/#, "+/job"]
    messagesMax: 10
    bytesMax: 5MiB
    whenFull: flow-control
    timeToLiveSeconds: 1
    delaySeconds: 2
    deliveriesMax: 0
    settleTimeoutSeconds: 0
    consumerWindow: 1
    consumersMax: 1
    dispatch: by-key
    keyProperty: customer
    keyTopicLevel: 2
    priorities: [{ topics: [jobs/urgent/#], priority: 9 }, { topics: [jobs/#] }]
`;
    expect(queuesOf(content).jobs).toEqual({
      topics: ["jobs/#", "+/job"],
      messagesMax: 10,
      bytesMax: 5 * 1024 * 1024,
      whenFull: "flow-control",
      timeToLiveSeconds: 1,
      delaySeconds: 2,
      deliveriesMax: 0,
      settleTimeoutSeconds: 0,
      consumerWindow: 1,
      consumersMax: 1,
      dispatch: "by-key",
      keyProperty: "customer",
      keyTopicLevel: 2,
      priorities: [
        { topics: ["jobs/urgent/#"], priority: 9 },
        { topics: ["jobs/#"], priority: 4 },
      ],
    });
  });

  it("may have overlapping topics, without a warning", () => {
    expect(load(queues("a: { topics: [x/#] }\n  b: { topics: [x/y, x/#] }")).warnings).toEqual([]);
  });

  it("are at most 1000", () => {
    const many = (count: number) =>
      `queues: {${Array.from({ length: count }, (_, index) => `q${index}: {}`).join(", ")}}`;
    expect(mistakesOf(many(1000))).toEqual([]);
    expect(mistakesOf(many(1001))).toEqual(["1:9 queues has too many queue names: at most 1000"]);
  });

  it.each([
    ["topics", "a", 1000, "topic filters"],
    ["priorities", "{ topics: [a] }", 100, "priorities"],
  ])("have limits on %s", (key, item, max, what) => {
    const list = (count: number) => `queues: { jobs: { ${key}: [${`${item}, `.repeat(count)}] } }`;
    expect(mistakesOf(list(max))).toEqual([]);
    expect(mistakesOf(list(max + 1))).toEqual([
      expect.stringMatching(`queues.jobs.${key} has too many ${what}: at most ${max}`),
    ]);
  });
});

describe("the name of a queue in a configuration", () => {
  it.each(["__proto__", "constructor", "toString", "hasOwnProperty", "7", "A.b_c~d-9", "x".repeat(64)])(
    "may be %s",
    (name) => {
      const found = queuesOf(queues(`${name}: { topics: [a/b] }`));
      expect(Object.entries(found)).toEqual([[name, { ...defaults, topics: ["a/b"] }]]);
      expect(Object.hasOwn(Object.prototype, "topics")).toBe(false);
    },
  );

  it.each([
    ["a/b", 'it contains "/", use letters'],
    ["#", 'it contains "#", use letters'],
    ["+", 'it contains "+", use letters'],
    ["$jobs", 'it contains "$", use letters'],
    ["two words", 'it contains " ", use letters'],
    ["ä", 'it contains "ä", use letters'],
    ["", "it is empty"],
    ["..", "it must be more than dots"],
    ["x".repeat(65), "it has more than 64 characters"],
  ])("is not %j", (name, mistake) => {
    const [found, ...others] = mistakesOf(`gateway: {}\nqueues:\n  a: {}\n  "${name}": { topics: 5 }`);
    expect(found?.startsWith(`4:3 queues.${name} is no queue name: ${mistake}`)).toBe(true);
    expect(others).toEqual([]);
  });

  it("is not in the way of Object.prototype where the queue is wrong", () => {
    expect(mistakesOf(queues("__proto__: { topcs: [] }\n  constructor: 5"))).toEqual([
      "2:16 queues.__proto__.topcs is no known key: did you mean topics?",
      "3:16 queues.constructor must be a map of keys and values, not 5",
    ]);
  });

  it("is given once", () => {
    expect(mistakesOf(queues("__proto__: {}\n  __proto__: {}"))).toEqual([
      "3:3 queues.__proto__ is given twice in the same map: keep one of the two",
    ]);
  });

  it("is described to editors", () => {
    const { properties } = configJsonSchema() as {
      properties: Record<string, { propertyNames: { pattern: string }; additionalProperties: object }>;
    };
    expect(new RegExp(properties.queues?.propertyNames.pattern ?? "x").test("a/b")).toBe(false);
    expect(properties.queues?.additionalProperties).toMatchObject({ properties: { consumerWindow: { default: 20 } } });
    expect(properties.groups?.additionalProperties).toMatchObject({ required: ["members"] });
  });
});

describe("mistakes in queues", () => {
  it("are reported all at once, with line and column", () => {
    const content = `
queues:
  jobs: { topics: ["a/#/b", "", 4, ~], consumerWindw: 5 }
  a/b: {}
  more:
    consumerWindow: 0
    priorities:
      - { topics: [], priority: 10 }
      - priority: 3
groups:
  all: {}
`;
    expect(mistakesOf(content)).toEqual([
      '3:20 queues.jobs.topics.0 "a/#/b" is no topic filter of a queue: # stands before its end',
      '3:29 queues.jobs.topics.1 "" is no topic filter of a queue: it is empty',
      "3:33 queues.jobs.topics.2 must be a topic filter, not 4",
      "3:36 queues.jobs.topics.3 is empty: give it a value, or remove the line to get the default",
      "3:40 queues.jobs.consumerWindw is no known key: did you mean consumerWindow?",
      expect.stringMatching(/^4:3 queues\.a\/b is no queue name/),
      "6:21 queues.more.consumerWindow must be a whole number from 1 to 65535, not 0",
      "8:19 queues.more.priorities.0.topics must have at least one of the topic filters",
      "8:33 queues.more.priorities.0.priority must be a whole number from 0 to 9, not 10",
      "9:9 queues.more.priorities.1.topics is missing: it must be a list of topic filters",
      "11:3 groups.all.members is missing: it must be a list of client id patterns",
    ]);
  });

  it.each([
    ["queues: 5", "1:9 queues must be a map of queue names, not 5"],
    ["queues: [jobs]", "1:9 queues must be a map of queue names, not a list"],
    ["queues:", "1:1 queues is empty: give it a value, or remove the line to get the default"],
    ["queues: { jobs: }", "1:11 queues.jobs is empty: write {} for a queue with the defaults"],
    ["queues: { jobs: jobs/# }", '1:17 queues.jobs must be a map of keys and values, not "jobs/#"'],
    ["queues: { jobs: { topics: a } }", '1:27 queues.jobs.topics must be a list of topic filters, not "a"'],
    ["queues: { jobs: { bytesMax: lots } }", expect.stringMatching(/queues\.jobs\.bytesMax must be a size from 1B/)],
    ["queues: { jobs: { keyProperty: '' } }", expect.stringMatching(/must be text of 1 to 256 characters, not ""/)],
    ["queues: { jobs: { keyTopicLevel: 101 } }", expect.stringMatching(/whole number from 1 to 100, not 101/)],
    ["queues: { jobs: { __proto__: {} } }", "1:19 queues.jobs.__proto__ is no known key: remove it"],
    [
      "queues: { jobs: { dispatch: by_key } }",
      '1:29 queues.jobs.dispatch must be one of least-busy, round-robin, by-key, not "by_key"',
    ],
    [
      "queues: { jobs: { whenFull: drop } }",
      '1:29 queues.jobs.whenFull must be one of reject-newest, remove-oldest, remove-low-priority, flow-control, not "drop"',
    ],
    ["queus: {}", "1:1 queus is no known key: did you mean queues?"],
  ])("in %j are clear", (content, mistake) => {
    expect(mistakesOf(content)).toEqual([mistake]);
  });

  it.each(["$queue/other/#", "$group/floor-2/#", "$share/workers/jobs/#"])(
    "say why a topic filter is not %s",
    (filter) => {
      const prefix = filter.slice(0, 7);
      const text = `is no topic filter of a queue: it begins with ${prefix}, and `;
      expect(mistakesOf(queues(`jobs: { topics: ["${filter}"], priorities: [{ topics: ["${filter}"] }] }`))).toEqual([
        expect.stringContaining(`queues.jobs.topics.0 "${filter}" ${text}`),
        expect.stringContaining(`queues.jobs.priorities.0.topics.0 "${filter}" ${text}`),
      ]);
    },
  );

  it("are not topics that only look like those", () => {
    expect(mistakesOf(queues('jobs: { topics: ["$queue", "$queues/a", "$SYS/#", a/$queue/b] }'))).toEqual([]);
  });
});

describe("warnings about queues", () => {
  it.each(["#", "+/#"])("are given for the filter %s, which takes everything", (filter) => {
    expect(load(queues(`jobs: { topics: [a, "${filter}"] }`)).warnings).toEqual([
      `queues.jobs.topics has "${filter}", which takes every message that is published: name the topics of the queue's work`,
    ]);
  });

  it("are given for a queue that the largest packet never fits", () => {
    expect(load(queues("jobs: { bytesMax: 1MiB }")).warnings).toEqual([
      "queues.jobs.bytesMax (1MiB) is smaller than limits.packetBytesMax (4MiB): larger messages are accepted and never fit the queue",
    ]);
  });

  it("are given for a filter that two priorities have", () => {
    expect(load(queues("jobs: { priorities: [{ topics: [a, b] }, { topics: [b] }] }")).warnings).toEqual([
      'queues.jobs.priorities.1.topics has "b", which queues.jobs.priorities.0 takes first: remove it from one',
    ]);
  });

  it("are not given for flow-control", () => {
    expect(load(queues("jobs: { topics: [a/#], whenFull: flow-control }")).warnings).toEqual([]);
  });
});

describe("queues from the environment and from flags", () => {
  const variable = "WAYPOST_QUEUES__JOBS__CONSUMERWINDOW";

  it("are made in lower case by a variable, and as they are spelt by a flag", () => {
    const environment = { [variable]: "5", WAYPOST_QUEUES__MY_JOBS__TOPICS: "[a/#]" };
    expect(loadConfig({ environment }).config.queues).toEqual({
      jobs: { ...defaults, consumerWindow: 5 },
      my_jobs: { ...defaults, topics: ["a/#"] },
    });
    const overrides = ['queues.Jobs.topics=["a/#", b]', "queues.__proto__.deliveriesMax=3"];
    expect(Object.entries(loadConfig({ environment: {}, overrides }).config.queues)).toEqual([
      ["Jobs", { ...defaults, topics: ["a/#", "b"] }],
      ["__proto__", { ...defaults, deliveriesMax: 3 }],
    ]);
  });

  it.each(["jobs", "JOBS", "Jobs"])("change the one that the file calls %s", (name) => {
    const found = queuesOf(queues(`${name}: { consumerWindow: 2, deliveriesMax: 7 }`), {
      environment: { [variable]: "5" },
    });
    expect(found).toEqual({ [name]: { ...defaults, consumerWindow: 5, deliveriesMax: 7 } });
  });

  it("change none where several could be meant", () => {
    expect(mistakesOf(queues("jobs: {}\n  Jobs: {}"), { environment: { [variable]: "5" } })).toEqual([
      `environment:${variable} is no setting: JOBS can be any of jobs, Jobs: give it in the file`,
    ]);
  });

  it("replace whole lists", () => {
    const content = queues("jobs: { topics: [x, y], priorities: [{ topics: [x] }] }");
    const overrides = ["queues.jobs.topics=[]", "queues.jobs.priorities=[{topics: [a/#], priority: 9}]"];
    expect(queuesOf(content, { overrides }).jobs).toEqual({
      ...defaults,
      priorities: [{ topics: ["a/#"], priority: 9 }],
    });
  });

  it.each([
    ["queues.a/b.topics=[x]", /^--set queues\.a\/b\.topics is no setting: "a\/b" is no queue name: it contains "\/"/],
    ["queues..topics=[x]", /^--set queues\.\.topics is no setting: "" is no queue name: it is empty/],
    ["queues.jobs=x", /^--set queues\.jobs is no setting: queues\.jobs is a section, name one key in it/],
    ["queues.jobs.topcs=[x]", /no key of queues\.jobs is called topcs; did you mean topics\?/],
    ["queues.jobs.topics=a/#", /^--set queues\.jobs\.topics must be a list of topic filters, not "a\/#"/],
    ["queues.jobs.consumerWindow=many", /^--set queues\.jobs\.consumerWindow must be a whole number/],
    ["queues.jobs.topics=", /^--set queues\.jobs\.topics is empty/],
  ])("%s is a clear mistake", (override, text) => {
    expect(mistakesOf("", { overrides: [override] })).toEqual([expect.stringMatching(text)]);
  });
});
