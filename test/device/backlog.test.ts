import { describe, expect, it } from "vitest";
import { assembleBroker } from "../../src/create-broker.ts";
import { Backlog } from "../../src/device/backlog.ts";
import { defaultDeviceSettings } from "../../src/device/device-settings.ts";
import type { Blocker, Link } from "../../src/device/link.ts";
import { OutgoingRecord } from "../../src/device/outgoing-record.ts";
import { Session } from "../../src/device/session.ts";
import type { QoS } from "../../src/protocol/packet-type.ts";
import { Message } from "../../src/store/message.ts";
import { ManualClock } from "../support/manual-clock.ts";

/** A connection of which nothing is asked but whom it waits for. */
class Publisher {
  readonly blockers = new Set<Blocker>();
  device: { depth: number } | null = null;

  block(by: Blocker): void {
    this.blockers.add(by);
  }

  unblock(by: Blocker): void {
    this.blockers.delete(by);
  }
}

/** The backlog of one device with a persistent session, and publishers that are connected. */
class Desk {
  readonly clock = new ManualClock();
  readonly settings;
  readonly drops: string[] = [];
  readonly backlog: Backlog;
  readonly #context;
  readonly #answered: string[] = [];
  #count = 0;

  constructor(mailboxes: object = {}, classes: object[] = []) {
    const settings = { ...defaultDeviceSettings, mailboxes: { ...defaultDeviceSettings.mailboxes, ...mailboxes } };
    this.settings = { ...settings, classes: classes.map((each) => ({ priority: 4, topics: [], ...each })) };
    const { context } = assembleBroker({}, { settings: this.settings, clock: this.clock });
    this.#context = context;
    const device = {
      id: "device",
      session: new Session(false),
      connection: null,
      waitsFor: () => false,
      drop: (_message: Message, reason: string) => this.drops.push(reason),
    };
    this.backlog = new Backlog(device, context, new OutgoingRecord(device, context, () => {}), () => {});
  }

  /** A client id by which messages come that may be held. */
  publisher(clientId: string): Publisher {
    const publisher = new Publisher();
    this.#context.broker.clients[clientId] = publisher as never;
    return publisher;
  }

  post(topic: string, { clientId = "", qos = 1 as QoS, bytes = 0 } = {}): void {
    const identity = { cmd: "publish" as const, brokerId: this.#context.broker.id, brokerCounter: ++this.#count };
    const packet = { ...identity, topic, payload: Buffer.alloc(bytes), qos, retain: false, dup: false };
    const message = new Message(clientId === "" ? packet : { ...packet, clientId }, qos, false);
    this.backlog.put(message);
    message.whenAccepted((error) => this.#answered.push(`${topic}${error === undefined ? "" : " failed"}`));
  }

  /** Topics of the messages whose publishers were answered since this was last asked. */
  answered(): string[] {
    return this.#answered.splice(0);
  }

  /** Takes the next message as if it were sent and acknowledged. */
  take(): string | undefined {
    const message = this.backlog.next(() => false);
    if (message === undefined) return undefined;
    void this.#context.broker.store.settle("device", message.brokerId, message.brokerCounter);
    this.backlog.refill();
    return message.topic;
  }

  takeAll(): string[] {
    const topics: string[] = [];
    for (let topic = this.take(); topic !== undefined; topic = this.take()) topics.push(topic);
    return topics;
  }
}

describe("the backlog of a device", () => {
  it("hands out what waits in its order", () => {
    const desk = new Desk();
    for (const topic of ["a", "b", "c"]) desk.post(topic);
    expect(desk.answered()).toEqual(["a", "b", "c"]);
    expect(desk.takeAll()).toEqual(["a", "b", "c"]);
    expect(desk.backlog.depth).toBe(0);
  });

  it("passes over what has waited too long, and says so", () => {
    const desk = new Desk({ timeToLiveSeconds: 10 }, [{ topics: ["b"], timeToLiveSeconds: 0 }]);
    for (const topic of ["a", "b"]) desk.post(topic);
    desk.clock.advance(11_000);
    desk.post("c");
    expect(desk.takeAll()).toEqual(["b", "c"]);
    expect(desk.drops).toEqual(["expired"]);
  });

  it("puts what was called up before what waits, as far as both find room", () => {
    const desk = new Desk({ messagesMax: 3 });
    for (const topic of ["b", "c"]) desk.post(topic);
    const retained = ["a", "none"].map((topic, index) => {
      const identity = { cmd: "publish" as const, brokerId: "elsewhere", brokerCounter: index + 1, dup: false };
      return new Message({ ...identity, topic, payload: Buffer.from(topic), qos: 1, retain: true }, 1, true);
    });
    desk.backlog.putBefore(retained);
    expect(desk.takeAll()).toEqual(["a", "b", "c"]);
    expect(desk.drops).toEqual(["mailbox-full"]);
  });
});

describe("the backlog of a device, with flow control", () => {
  const full = { messagesMax: 1, whenFull: "flow-control" };

  it("holds publishers and lets them go one by one, oldest first", () => {
    const desk = new Desk(full);
    const publishers = ["b", "c"].map((id) => desk.publisher(id));
    const held = () => publishers.map(({ blockers }) => blockers.size);
    desk.post("a");
    for (const id of ["b", "c"]) desk.post(id, { clientId: id });
    expect(desk.answered()).toEqual(["a"]);
    expect(held()).toEqual([1, 1]);
    expect(desk.take()).toBe("a");
    expect(desk.answered()).toEqual(["b"]);
    expect(held()).toEqual([0, 1]);
    expect(desk.takeAll()).toEqual(["b", "c"]);
    expect(held()).toEqual([0, 0]);
  });

  it("has no room for publishers that are not there to wait", () => {
    const desk = new Desk(full);
    desk.post("a");
    desk.post("b", { clientId: "left" });
    desk.post("c");
    expect(desk.answered()).toEqual(["a", "b", "c"]);
    expect(desk.drops).toEqual(["mailbox-full", "mailbox-full"]);
  });

  it("takes in a QoS 2 message at once, with its receipt, and holds its publisher all the same", () => {
    const desk = new Desk(full);
    const publisher = desk.publisher("b");
    desk.post("a");
    desk.post("b", { clientId: "b", qos: 2 });
    expect(desk.backlog.depth).toBe(2);
    expect(desk.answered()).toEqual(["a"]);
    expect(desk.take()).toBe("a");
    expect(desk.answered()).toEqual(["b"]);
    expect(publisher.blockers.size).toBe(0);
  });

  it("fails the QoS 1 message of a publisher that leaves, which it sends again, and not one of QoS 2", () => {
    const desk = new Desk(full);
    const publishers = ["b", "c"].map((id) => desk.publisher(id));
    desk.post("a");
    desk.post("b", { clientId: "b", qos: 1 });
    desk.post("c", { clientId: "c", qos: 2 });
    desk.answered();
    for (const publisher of publishers) {
      for (const blocker of publisher.blockers) blocker.abandoned(publisher as unknown as Link);
    }
    expect(desk.answered()).toEqual(["b failed", "c"]);
    expect(desk.takeAll()).toEqual(["a", "c"]);
  });

  it("lets messages of other classes pass those of a class that is full", () => {
    const desk = new Desk({ whenFull: "flow-control" }, [{ topics: ["hot"], messagesMax: 1 }]);
    for (const id of ["one", "two"]) desk.publisher(id);
    desk.post("hot");
    desk.post("hot", { clientId: "one" });
    desk.post("cold", { clientId: "two" });
    desk.post("cold");
    expect(desk.answered()).toEqual(["hot", "cold", "cold"]);
    expect(desk.takeAll()).toEqual(["hot", "hot", "cold", "cold"]);
    expect(desk.drops).toEqual([]);
  });

  it("gives up, where a publisher waits for room in a class while something is on its way to it", () => {
    const desk = new Desk({ whenFull: "flow-control" }, [{ topics: ["hot"], messagesMax: 1 }]);
    const [one, two] = ["one", "two"].map((id) => desk.publisher(id)) as [Publisher, Publisher];
    desk.post("hot");
    desk.post("hot", { clientId: "one" });
    desk.post("hot", { clientId: "two" });
    two.device = { depth: 1 };
    desk.backlog.refresh();
    expect([one.blockers.size, two.blockers.size]).toEqual([1, 0]);
    expect(desk.drops).toEqual(["class-full"]);
    expect(desk.answered()).toEqual(["hot", "hot"]);
    expect(desk.takeAll()).toEqual(["hot", "hot"]);
  });

  it("keeps what it holds in the store when the device ends, and answers the publishers", () => {
    const desk = new Desk(full);
    const publisher = desk.publisher("b");
    desk.post("a");
    desk.post("b", { clientId: "b" });
    desk.backlog.stop();
    expect(desk.answered()).toEqual(["a", "b"]);
    expect(publisher.blockers.size).toBe(0);
  });
});
