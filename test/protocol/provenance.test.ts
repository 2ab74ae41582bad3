import { describe, expect, it } from "vitest";
import { Provenance } from "../../src/protocol/provenance.ts";
import { PublishProperties } from "../../src/protocol/publish-properties.ts";

const ours = "0123456789abcdef";
const theirs = "fedcba9876543210";
const provenance = new Provenance(ours);
const of = (userProperties: Record<string, string | string[]>, more: object = {}) =>
  PublishProperties.of({ userProperties, ...more }) as PublishProperties;
const passed = (properties?: PublishProperties) => new PublishProperties(provenance.passedOn(properties));

describe("what a message says of where it came from", () => {
  it("begins with this gateway and one hop", () => {
    expect(passed().toObject()).toEqual({ userProperties: { "waypost-origin": ours, "waypost-hops": "1" } });
    expect(provenance.isReturned(passed())).toBe(true);
    expect(Provenance.hopsOf(passed())).toBe(1);
  });

  it("keeps its first gateway, counts the hops, and leaves all else as it was", () => {
    const came = of({ "waypost-origin": theirs, "waypost-hops": "3", a: ["1", "2"] }, { contentType: "text/plain" });
    expect(provenance.isReturned(came)).toBe(false);
    expect(passed(came).toObject()).toMatchObject({
      contentType: "text/plain",
      userProperties: { "waypost-origin": theirs, "waypost-hops": "4", a: ["1", "2"] },
    });
  });

  it("begins here where a client of this gateway has copied it from another message", () => {
    const copied = Provenance.ofClient(of({ "waypost-origin": theirs, "waypost-hops": "2", a: "b" }));
    expect(passed(copied).toObject()).toEqual({
      userProperties: { "waypost-origin": ours, "waypost-hops": "3", a: "b" },
    });
    const own = of({ a: "b" });
    expect(Provenance.ofClient(own)).toBe(own);
  });

  it("is found before all that a device may say, however much that is", () => {
    const many = of({ a: Array.from({ length: 5000 }, (_, i) => `${i}`) });
    expect(Provenance.hopsOf(passed(many))).toBe(1);
    expect(provenance.isReturned(passed(many))).toBe(true);
  });

  it.each(["-1", "1e3", "", "x", "99999999999999999999", "1.5", " 1"])("is endless where the hops are %j", (hops) => {
    expect(Provenance.hopsOf(of({ "waypost-hops": hops }))).toBe(Number.POSITIVE_INFINITY);
  });

  it("is nothing where it says nothing", () => {
    expect(Provenance.hopsOf(undefined)).toBe(0);
    expect(Provenance.hopsOf(of({ a: "b" }))).toBe(0);
    expect(provenance.isReturned(undefined)).toBe(false);
    expect(provenance.isReturned(of({ a: ours }))).toBe(false);
  });
});
