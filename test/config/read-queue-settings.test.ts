import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { readQueueSettings } from "../../src/config/read-queue-settings.ts";

describe("the settings of a queue that is made while the gateway runs", () => {
  it("are completed as those of the configuration are", () => {
    const { config } = loadConfig({ environment: {}, overrides: ["queues.jobs.topics=[a/#]"] });
    expect(readQueueSettings("jobs", { topics: ["a/#"] })).toEqual(config.queues.jobs);
  });

  it("are judged as those of the configuration are, all mistakes at once", () => {
    const settings = JSON.parse('{ "topics": ["#/a"], "consumerWindw": 1, "consumersMax": "9", "priorities": 5 }');
    expect(() => readQueueSettings("jobs", settings)).toThrow(
      expect.objectContaining({
        code: "ERR_USAGE",
        message: [
          'queues.jobs.topics.0 "#/a" is no topic filter of a queue: # stands before its end',
          'queues.jobs.consumersMax must be a whole number from 1 to 100000, not "9"',
          "queues.jobs.priorities must be a list of priorities, not 5",
          "queues.jobs.consumerWindw is no known key: did you mean consumerWindow?",
        ].join("\n"),
      }),
    );
  });

  it.each([[null], [[]], ["x"], [5], [undefined]])("are not %j", (settings) => {
    expect(() => readQueueSettings("jobs", settings)).toThrow(expect.objectContaining({ code: "ERR_USAGE" }));
  });

  it("may be those of a queue called __proto__", () => {
    expect(readQueueSettings("__proto__", {}).consumerWindow).toBe(20);
    expect(() => readQueueSettings("__proto__", { topics: 5 })).toThrow("queues.__proto__.topics must be a list");
  });
});
