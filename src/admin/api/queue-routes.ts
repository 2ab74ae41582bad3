import type { Place } from "../administration.ts";
import { anything, choice, fields, flagText, name, wholeNumber } from "./readers.ts";
import { type Route, route } from "./route.ts";

const created = fields({ name }, { settings: anything });
const removal = fields({}, { force: flagText });
const moved = fields(
  { to: fields({ kind: choice("queue", "device"), name }, {}) },
  { max: wholeNumber(1, 4_294_967_295) },
);

/** Queues, and what can be done with them while they work. */
export const queueRoutes: readonly Route[] = [
  route("GET /queues", ({ administration }) => ({ queues: administration.queues() })),
  route("GET /queues/*", ({ administration, names: [queue = ""] }) => administration.queue(queue)),
  route("POST /queues", ({ administration, body }) => administration.createQueue(body.name, body.settings ?? {}), {
    body: created,
    status: 201,
  }),
  route(
    "DELETE /queues/*",
    ({ administration, names: [queue = ""], query }) => administration.removeQueue(queue, query.force === true),
    { query: removal },
  ),
  ...placeRoutes("queues", "queue"),
];

/** Mailboxes of devices likewise; they are made and removed by the devices themselves. */
export const mailboxRoutes: readonly Route[] = [
  route("GET /mailboxes", ({ administration }) => ({ mailboxes: administration.mailboxes() })),
  route("GET /mailboxes/*", ({ administration, names: [device = ""] }) => administration.mailbox(device)),
  ...placeRoutes("mailboxes", "device"),
];

function placeRoutes(folder: "queues" | "mailboxes", kind: Place["kind"]): Route[] {
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
