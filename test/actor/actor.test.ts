import { describe, expect, it } from "vitest";
import { Actor } from "../../src/actor/actor.ts";

type Message = { kind: "note"; text: string } | { kind: "tell-self"; texts: string[] } | { kind: "fail" };

class Recorder extends Actor<Message> {
  readonly seen: string[] = [];
  readonly failures: unknown[] = [];

  protected override receive(message: Message): void {
    switch (message.kind) {
      case "note":
        this.seen.push(message.text);
        return;
      case "tell-self":
        for (const text of message.texts) this.tell({ kind: "note", text });
        this.seen.push("end of tell-self");
        return;
      case "fail":
        throw new Error("broken");
    }
  }

  override failed(reason: unknown): void {
    this.failures.push(reason);
  }
}

describe("Actor", () => {
  it("handles a message before tell returns", () => {
    const actor = new Recorder("recorder");
    actor.tell({ kind: "note", text: "a" });
    expect(actor.seen).toEqual(["a"]);
    expect(actor.handled).toBe(1);
  });

  it("handles what it is told meanwhile afterwards, in order", () => {
    const actor = new Recorder("recorder");
    actor.tell({ kind: "tell-self", texts: ["a", "b"] });
    expect(actor.seen).toEqual(["end of tell-self", "a", "b"]);
    expect(actor.handled).toBe(3);
  });

  it("hands what its behaviour throws to its supervisor, not to the teller", () => {
    const actor = new Recorder("recorder");
    actor.tell({ kind: "fail" });
    expect(actor.failures).toEqual([new Error("broken")]);
    actor.tell({ kind: "note", text: "still there" });
    expect(actor.seen).toEqual(["still there"]);
  });

  it("handles nothing after it was stopped", () => {
    const actor = new Recorder("recorder");
    actor.stop();
    actor.tell({ kind: "note", text: "late" });
    expect(actor.seen).toEqual([]);
    expect(actor.stopped).toBe(true);
  });
});
