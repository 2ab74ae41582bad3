import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { generate, type Packet, parser } from "mqtt-packet";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../devices/clock.ts";
import { Link } from "../../devices/link.ts";
import { Outages } from "../../devices/outages.ts";
import { encodePayload } from "../../devices/payload.ts";
import { openBook, run, topic } from "./book.ts";

/** Plays the gateway of one connection: is given each packet, and answers. */
type Part = (packet: Packet, answer: (packet: Packet) => void, socket: Socket) => void;

/** A link to a gateway that follows a script, one part per connection; `seen` holds what it got. */
async function scripted(name: string, qos: 1 | 2, parts: Part[]) {
  const seen: Packet[][] = [];
  const server = createServer((socket) => {
    const packets: Packet[] = [];
    const part = parts[seen.push(packets) - 1];
    const reader = parser({ protocolVersion: 4 });
    socket.on("data", (chunk) => reader.parse(chunk)).on("error", () => {});
    reader.on("packet", (packet) => {
      packets.push(packet);
      const answer = (each: Packet) => socket.write(generate(each));
      if (packet.cmd === "connect") answer({ cmd: "connack", returnCode: 0, sessionPresent: seen.length > 1 });
      part?.(packet, answer, socket);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const book = openBook(qos);
  const outages = new Outages();
  const url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const link = new Link(
    { name, run, url, persistent: true },
    { ledger: book.ledger, clock: systemClock, outages, lost: () => {} },
  );
  onTestFinished(async () => {
    await link.drop("reset");
    server.close();
  });
  await link.connect();
  return { link, book, outages, seen };
}

/** Looks after every turn of the event loop; the test's own time limit ends it if that never comes. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate();
}

const shape = (packet: Packet) => [packet.cmd, packet.messageId, "dup" in packet && packet.dup];
const publishes = (packets: Packet[] | undefined) => packets!.filter(({ cmd }) => cmd === "publish");

describe("a publisher's link", () => {
  it("sends again what was not acknowledged, in order, with DUP and the same packet ids [MQTT-4.4.0-1]", async () => {
    const cut: Part = (packet, _, socket) => {
      if (packet.cmd === "publish" && packet.payload.toString().includes('"sequence":3')) socket.destroy();
    };
    const obey: Part = ({ cmd, messageId = 0 }, answer) => {
      if (cmd === "publish") answer({ cmd: "puback", messageId });
    };
    const { link, book, outages, seen } = await scripted("sensor", 1, [cut, obey]);
    const channel = { flow: "temperature", topic, qos: 1 } as const;
    for (let count = 0; count < 3; count++) link.publish(channel, Buffer.alloc(0));
    // The gateway was killed: the link comes back of itself.
    outages.begin();
    await until(() => book.ledger.unacknowledged === 0);
    const first = publishes(seen[0]).map(shape);
    expect(publishes(seen[1]).map(shape)).toEqual(first.map(([cmd, messageId]) => [cmd, messageId, true]));
    expect(book.ledger.incidents.size).toBe(0);
  });

  it("takes only PUBCOMP for an acknowledgement of QoS 2, and does not publish again after PUBREL [MQTT-4.3.3-1]", async () => {
    const cut: Part = ({ cmd, messageId = 0 }, answer, socket) => {
      if (cmd === "publish") answer({ cmd: "pubrec", messageId });
      if (cmd === "pubrel") socket.destroy();
    };
    const obey: Part = ({ cmd, messageId = 0 }, answer) => {
      if (cmd !== "pubrel") return;
      expect(book.ledger.unacknowledged).toBe(1);
      answer({ cmd: "pubcomp", messageId });
    };
    const { link, book, outages, seen } = await scripted("sensor", 2, [cut, obey]);
    link.publish({ flow: "temperature", topic, qos: 2 }, Buffer.alloc(0));
    outages.begin();
    await until(() => book.ledger.unacknowledged === 0);
    expect(seen[1]!.map(({ cmd }) => cmd)).toEqual(["connect", "pubrel"]);
  });

  it("does not publish again what a gateway released of itself after the reconnection [MQTT-4.3.3-1]", async () => {
    const ids: number[] = [];
    const cut: Part = ({ cmd, messageId = 0 }, _, socket) => {
      if (cmd === "publish" && ids.push(messageId) === 3) socket.destroy();
    };
    // Mosquitto repeats PUBREC for what it had taken before the connection broke.
    const repeat: Part = ({ cmd, messageId = 0 }, answer) => {
      if (cmd === "connect") for (const id of ids) answer({ cmd: "pubrec", messageId: id });
      if (cmd === "publish") answer({ cmd: "pubrec", messageId });
      if (cmd === "pubrel") answer({ cmd: "pubcomp", messageId });
    };
    const { link, book, outages, seen } = await scripted("sensor", 2, [cut, repeat]);
    for (let count = 0; count < 3; count++) link.publish({ flow: "temperature", topic, qos: 2 }, Buffer.alloc(0));
    outages.begin();
    await until(() => book.ledger.unacknowledged === 0);
    const released = new Set<number | undefined>();
    for (const { cmd, messageId } of seen[1]!) {
      if (cmd === "pubrel") released.add(messageId);
      if (cmd === "publish") expect(released).not.toContain(messageId);
    }
  });

  it("takes the loss of its connection for an incident when nobody killed the gateway", async () => {
    const cut: Part = ({ cmd }, _, socket) => {
      if (cmd === "publish") socket.destroy();
    };
    const { link, book } = await scripted("sensor", 1, [cut]);
    link.publish({ flow: "temperature", topic, qos: 1 }, Buffer.alloc(0));
    await until(() => link.state === "lost");
    expect([...book.ledger.incidents.keys()]).toEqual(["a connection was lost that nobody had cut"]);
  });
});

describe("a receiver's link", () => {
  const message = (messageId: number, dup: boolean): Packet => {
    const stamp = { run, sender: "sensor", topic, sequence: 1, sentAtMs: 0 };
    return {
      cmd: "publish",
      topic,
      payload: encodePayload(stamp, Buffer.alloc(0)),
      qos: 2,
      messageId,
      dup,
      retain: false,
    };
  };

  it.each([
    ["the PUBLISH again", message(7, true)],
    ["PUBREL", { cmd: "pubrel", messageId: 7 } as const],
  ])("gets a QoS 2 message once when the connection breaks after its PUBREC and %s follows", async (_, next) => {
    const cut: Part = ({ cmd }, answer, socket) => {
      if (cmd === "connect") answer(message(7, false));
      if (cmd === "pubrec") socket.destroy();
    };
    const resume: Part = ({ cmd }, answer) => {
      if (cmd === "connect") answer(next);
      if (cmd === "pubrec") answer({ cmd: "pubrel", messageId: 7 });
    };
    // The gateway was killed before PUBCOMP reached it.
    const repeat: Part = ({ cmd }, answer) => {
      if (cmd === "connect") answer({ cmd: "pubrel", messageId: 7 });
    };
    const { link, book, outages, seen } = await scripted("reader", 2, [cut, resume, repeat]);
    book.send(1);
    outages.begin();
    const completed = (connection: number) => () => seen[connection]?.some(({ cmd }) => cmd === "pubcomp") ?? false;
    await until(completed(1));
    await link.drop("cut");
    await link.comeBack();
    await until(completed(2));
    expect(book.ledger.tally()[0]).toMatchObject({ received: 1, duplicated: 0 });
  });

  it("notices a QoS 2 message that comes again under another packet id, which MQTT.js hides", async () => {
    const cut: Part = ({ cmd }, answer, socket) => {
      if (cmd === "connect") answer(message(7, false));
      if (cmd === "pubrec") socket.destroy();
    };
    const resume: Part = ({ cmd }, answer) => {
      if (cmd === "connect") answer(message(8, true));
      if (cmd === "pubrec") answer({ cmd: "pubrel", messageId: 8 });
    };
    const { book, outages, seen } = await scripted("reader", 2, [cut, resume]);
    book.send(1);
    outages.begin();
    await until(() => seen[1]?.some(({ cmd }) => cmd === "pubcomp") ?? false);
    expect(book.ledger.tally()[0]).toMatchObject({ received: 1, duplicated: 0, renumbered: 1 });
  });

  it("says DISCONNECT when it leaves politely, and nothing when it is cut off", async () => {
    const { link, seen } = await scripted("reader", 1, []);
    await link.drop("disconnect");
    await link.comeBack();
    await link.drop("cut");
    expect(seen.map((packets) => packets.map(({ cmd }) => cmd))).toEqual([["connect", "disconnect"], ["connect"]]);
  });
});
