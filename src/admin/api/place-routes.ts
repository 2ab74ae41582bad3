import type { Place } from "../administration.ts";
import { choice, fields, name, wholeNumber } from "./readers.ts";
import { type Route, route } from "./route.ts";

const moved = fields(
  { to: fields({ kind: choice("queue", "device", "bridge"), name }, {}) },
  { max: wholeNumber(1, 4_294_967_295) },
);

/** What can be done with what waits, in a queue, the mailbox of a device or a bridge alike. */
export function placeRoutes(folder: "queues" | "mailboxes" | "bridges", kind: Place["kind"]): Route[] {
  const placeOf = ([name = ""]: readonly string[]): Place => ({ kind, name });
  return [
    route(`POST /${folder}/*/pause`, async ({ administration, names }) => {
      await administration.pause(placeOf(names));
      return { paused: true };
    }),
    route(`POST /${folder}/*/resume`, async ({ administration, names }) => {
      await administration.resume(placeOf(names));
      return { paused: false };
    }),
    route(`POST /${folder}/*/purge`, ({ administration, names }) => administration.purge(placeOf(names))),
    route(
      `POST /${folder}/*/move`,
      ({ administration, names, body }) => administration.move(placeOf(names), body.to, body.max),
      { body: moved },
    ),
  ];
}
