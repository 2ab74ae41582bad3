import { describe, expect, it } from "vitest";
import { LineBook } from "../../devices/ledger/line-book.ts";
import { type DevicesOptions, parseOptions } from "../../devices/options.ts";
import { createReport, renderReport } from "../../devices/report.ts";
import { type Book, openBook, run, topic } from "./book.ts";

const options = parseOptions(["broadcast", "--devices", "11"]) as DevicesOptions;
const speakers = { "3.1.1": 6, "5": 4 };
const report = ({ ledger }: Book, interrupted = false, gatewayComplaints: string[] = []) =>
  createReport(options, { run, speakers, ledger, kills: 0, interrupted, gatewayComplaints });

describe("the report", () => {
  it("shows a row per flow, with what is permitted in brackets, and the verdict", () => {
    const book = openBook(0, { permitQos0Loss: true });
    book.send(2, 0);
    book.arrive(1, { atMs: 1.25 });
    expect(renderReport(report(book), false).split("\n")).toEqual([
      "broadcast: 11 devices (6 with MQTT 3.1.1, 4 with MQTT 5), 10 s, seed 1, run run-1",
      "",
      expect.stringMatching(
        /^flow +QoS +sent +expected +received +waited +lost +duplicated +out of order .*p50 ms +p99 ms$/,
      ),
      expect.stringMatching(/^-+ /),
      expect.stringMatching(/^temperature +0 +2 +2 +1 +0 +1 \(1 ok\) +0 +0 +0 +0 +0 +0 +0 +1\.25 +1\.25$/),
      "",
      "PASSED: 1 of 2 deliveries of 2 messages, nothing beyond what their QoS permits",
      "",
    ]);
  });

  it("says only the verdict when quiet", () => {
    const book = openBook(0);
    book.send(1);
    book.arrive(1);
    expect(renderReport(report(book), true)).toMatch(/^PASSED[^\n]*\n$/);
  });

  it("names the problems, examples, and what the gateway complained about", () => {
    const book = openBook(1);
    book.send(2);
    book.arrive(1);
    expect(renderReport(report(book, false, ["out of memory"]), true)).toBe(
      [
        "FAILED",
        "  temperature: 1 lost",
        "for example",
        "  reader never got number 2 of sensor on home/sensor/temperature",
        "the gateway logged",
        "  out of memory",
        "",
      ].join("\n"),
    );
  });

  it("says how often the gateway was killed, and where the store of one that failed is", () => {
    const book = openBook(1);
    book.send(1);
    const { ledger } = book;
    const kills = createReport(options, { run, speakers, ledger, kills: 3, interrupted: false, gatewayComplaints: [] });
    const text = renderReport({ ...kills, storeDirectory: "/tmp/store" }, false);
    expect(text).toContain("broadcast: 11 devices (6 with MQTT 3.1.1, 4 with MQTT 5), 10 s, 3 kills, seed 1");
    expect(text).toContain("the gateway's store is kept in /tmp/store");
  });

  it("says what befell the line to the cloud, and what came twice by it", () => {
    const line = new LineBook({ atCloud: new Set(["reader"]), inFlightMax: 100 });
    const book = openBook(1, { line });
    book.send(1);
    line.troubled("muted", 1);
    line.troubled("cut", 1);
    line.troubled("muted", 2);
    line.healed(3);
    book.arrive(1, { atMs: 3 });
    line.broke(1, 4);
    book.arrive(1, { atMs: 5 });
    const outcome = { run, speakers, kills: 0, interrupted: false, gatewayComplaints: [], cloud: "Mosquitto 2.0.11" };
    const made = createReport(options, { ...outcome, ledger: book.ledger });
    expect(made.line).toMatchObject({ cloud: "Mosquitto 2.0.11", troubles: { muted: 2, cut: 1 }, breaks: 1 });
    expect(made.line?.history.map(({ what }) => what).sort()).toEqual(["broken off", "cut", "muted", "muted"]);
    expect(renderReport(made, false)).toContain(
      [
        "the line to Mosquitto 2.0.11: 3 troubles (1 cut, 2 muted), 1 connections or gateways broken off",
        "QoS 1 messages that came again by that: 1 up (at most 1 by one), 0 down (at most 0 by one); 100 could be in flight",
      ].join("\n"),
    );
  });

  it("has a note on QoS 2 messages that came again under another packet id, which is no breach in itself", () => {
    const book = openBook(2);
    book.send(1);
    book.arrive(1);
    book.ledger.renumbered(topic);
    expect(renderReport(report(book), false)).toMatch(/\n1 QoS 2 deliveries came again .*\n\nPASSED/);
  });

  it("gives no verdict on an interrupted run", () => {
    const book = openBook(1);
    book.send(2);
    book.arrive(1);
    const interrupted = report(book, true);
    expect(interrupted).toMatchObject({ interrupted: true, passed: false, problems: [] });
    expect(renderReport(interrupted, true)).toMatch(/^INTERRUPTED/);
  });
});
