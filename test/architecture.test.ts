import { cruise, type ICruiseResult, type IRegularForbiddenRuleType } from "dependency-cruiser";
import extractTsConfig from "dependency-cruiser/config-utl/extract-ts-config";
import { beforeAll, describe, expect, it } from "vitest";

/** What each room of the house may import, beside itself. `log.ts` and `waypost-error.ts` are leaves open to all of src. */
const rooms: Record<string, string[]> = {
  actor: [],
  topic: [],
  authentication: [],
  config: ["authentication", "topic"],
  protocol: ["topic"],
  store: ["protocol", "topic", "actor"],
  bridge: ["device", "broker", "store", "protocol", "topic", "actor", "config/schema.ts", "config/upstream-url.ts"],
  broker: ["authentication", "store", "protocol", "topic", "actor"],
  delivery: ["device", "broker", "store", "protocol", "topic", "actor", "config"],
  device: ["authentication", "broker", "store", "protocol", "topic", "actor", "config"],
  listener: ["protocol", "config/loopback.ts"],
  admin: ["bridge", "delivery", "device", "broker", "store", "topic", "actor"],
  client: ["command", "topic"],
  command: ["admin", "authentication", "bridge", "client", "config", "store", "gateway.ts"],
};

/** Where each package may be used; others may be used anywhere. */
const packages: Record<string, string> = {
  "^aedes$": "^src/broker/",
  "^mqtt$": "^(src/(client|bridge)|devices)/",
  "^websocket-stream$": "^src/listener/",
  "^ws$": "^src/(listener|bridge)/",
  "^(nedb-promises|ioredis|aedes-persistence-redis|mqemitter-redis)$": "^src/store/",
  "^(pino|pino-pretty)$": "^src/log[.]ts$",
  "^zod$": "^src/config/",
  "^yaml$": "^src/config/",
};

const compositionRoots = "^src/(gateway|create-broker)[.]ts$";

const forbidden: IRegularForbiddenRuleType[] = [
  { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
  { name: "devices-speak-mqtt-only", severity: "error", from: { path: "^devices/" }, to: { path: "^(src|bench)/" } },
  {
    name: "only-the-composition-root-names-stores-and-listeners",
    severity: "error",
    from: { path: "^src/", pathNot: [compositionRoots, "^src/(store|listener)/"] },
    to: { path: "^src/(store/(memory|nedb|redis|foreign)-store|listener/)" },
  },
  ...Object.entries(rooms).map(([room, others]) => ({
    name: `imports-of-${room}`,
    severity: "error" as const,
    from: { path: `^src/${room}/` },
    to: {
      path: "^(src|devices|bench)/",
      pathNot: ["^src/(log|waypost-error)[.]ts$", ...[room, ...others].map((each) => `^src/${each}`)],
    },
  })),
  ...Object.entries(packages).map(([name, place]) => ({
    name: `place-of-${name}`,
    severity: "error" as const,
    from: { path: "^(src|devices)/", pathNot: place },
    to: { path: `^node_modules/${name.slice(1, -1)}/` },
  })),
];

describe("the house", () => {
  let result: ICruiseResult;

  beforeAll(async () => {
    const options = {
      ruleSet: { forbidden },
      validate: true,
      doNotFollow: { path: "node_modules" },
      tsPreCompilationDeps: true,
    };
    const { output } = await cruise(["src", "devices"], options, undefined, {
      tsConfig: extractTsConfig("tsconfig.json"),
    });
    result = output as ICruiseResult;
  }, 60_000);

  it("has been read: with the wrong TypeScript, dependency-cruiser reads nothing and finds nothing wrong", () => {
    const own = result.modules.filter(({ source }) => /^(src|devices)\//.test(source));
    expect(own.length).toBeGreaterThan(80);
    expect(own.flatMap(({ dependencies }) => dependencies).length).toBeGreaterThan(200);
  });

  it("has every room in the table of what may import what", () => {
    const found = new Set(
      result.modules.map(({ source }) => /^src\/([^/]+)\//.exec(source)?.[1]).filter((room) => room !== undefined),
    );
    expect([...found].filter((room) => !(room in rooms))).toEqual([]);
  });

  it("keeps its imports pointing one way, its packages in their rooms, and has no cycles", () => {
    expect(result.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`)).toEqual([]);
  });
});
