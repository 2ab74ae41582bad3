import type { Behaviour, Place } from "../device.ts";
import { answerTo } from "../ledger/answer-to.ts";
import type { ProtocolVersion } from "../protocol-version.ts";

/** Answers the calls to it: by their properties in MQTT 5, by `$request` and `$answer` in 3.1.1. */
export function responder({ name, root }: Pick<Place, "name" | "root">, speaks: ProtocolVersion): Behaviour {
  const filter = `${root}/${name}/call/+`;
  return {
    transport: "tcp",
    speaks,
    persistent: true,
    subscriptions: { [speaks === 5 ? filter : `$request/+/${filter}`]: 1 },
    channels: [],
    heard({ payload, reply }, link) {
      if (reply !== undefined) link.answer(reply, "answer", Buffer.from(answerTo(payload)));
    },
  };
}

/** Hears the calls to it and never says a word. */
export function silentResponder({ name, root }: Pick<Place, "name" | "root">): Behaviour {
  return {
    transport: "tcp",
    persistent: true,
    subscriptions: { [`${root}/${name}/call/+`]: 1 },
    channels: [],
  };
}
