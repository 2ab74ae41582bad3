import { expect, it } from "vitest";
import { lanes } from "../../bench/lanes.ts";
import { selectLanes } from "../../bench/select-lanes.ts";

const namesOf = (names: string[]) => selectLanes(lanes, names).map(({ name }) => name);

it("takes all lanes where none is named", () => {
  expect(selectLanes(lanes, undefined)).toBe(lanes);
});

it("takes the named ones in the order of all", () => {
  expect(namesOf(["memory", "q0-one"])).toEqual(["q0-one", "memory"]);
});

it("takes the twin of a lane of MQTT 5 with it, and only once", () => {
  expect(namesOf(["v5-q0-pairs-aliases", "v5-q0-pairs"])).toEqual(["q0-pairs", "v5-q0-pairs", "v5-q0-pairs-aliases"]);
});

it("finds a twin in 3.1.1 for every lane of MQTT 5, which differs in nothing but the protocol", () => {
  for (const lane of lanes) {
    if (lane.kind !== "mqtt5") continue;
    const twin = lanes.find(({ name }) => name === lane.twin);
    expect(twin?.kind).toBe("throughput");
    if (twin?.kind !== "throughput") continue;
    const { protocol, userProperties, topicAliases, ...load } = lane.load;
    expect(protocol).toBeDefined();
    expect(load).toEqual(twin.load);
  }
});
