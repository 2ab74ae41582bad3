import { createRequire } from "node:module";
import { describe } from "vitest";
import { Router } from "../../src/broker/router.ts";
import { nodeTest } from "./node-test-context.ts";

const abstractEmitter = createRequire(import.meta.url)("mqemitter/abstractTest.js");
const separators = "MQTT has one separator and one pair of wildcards";
const emptyLevels = "in MQTT, + matches an empty level [MQTT-4.7.1-3]";

describe("Router keeps the contract of mqemitter", () => {
  abstractEmitter({
    test: nodeTest({
      "support changing one level wildcard": separators,
      "support changing deep wildcard": separators,
      "support changing the level separator": separators,
      "support one level wildcard - not match empty words": emptyLevels,
    }),
    builder: () => new Router(),
  });
});
