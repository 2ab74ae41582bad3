import { placeRoutes } from "./place-routes.ts";
import { anything, fields, flagText, name } from "./readers.ts";
import { type Route, route } from "./route.ts";

const created = fields({ name }, { settings: anything });
const removal = fields({}, { force: flagText });

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
