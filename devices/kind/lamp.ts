import type { Behaviour, Place } from "../device.ts";

/** Does what it is told, and keeps its state retained. */
export function lamp({ name, root }: Pick<Place, "name" | "root">): Behaviour {
  const command = `${root}/${name}/command`;
  const state = { flow: "state", topic: `${root}/${name}/state`, qos: 1, retain: true } as const;
  return {
    transport: "tcp",
    subscriptions: { [command]: 1 },
    channels: [state],
    heard(message, link) {
      if (message.topic !== command) return;
      // The command is the state that is wanted, and a lamp always obeys.
      link.publish(state, message.body);
    },
  };
}
