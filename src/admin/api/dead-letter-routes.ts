import { WaypostError } from "../../waypost-error.ts";
import type { DeadLetterSelection } from "../administration.ts";
import { choice, fields, flag, list, name, wholeNumber, wholeNumberText } from "./readers.ts";
import { type Route, route } from "./route.ts";

/** Dead letters in one answer. */
const PAGE_MAX = 1000;
const PAGE_DEFAULT = 100;

const id = wholeNumber(0, Number.MAX_SAFE_INTEGER);
const idText = wholeNumberText(0, Number.MAX_SAFE_INTEGER);
const page = fields({}, { reason: name, destination: name, max: wholeNumberText(1, PAGE_MAX), before: idText });
const keys = { ids: list(id), reason: name, destination: name, all: choice(true) };
const selection = fields({}, keys);
const forcedSelection = fields({}, { ...keys, force: flag });

/** Messages that could not be delivered. */
export const deadLetterRoutes: readonly Route[] = [
  route(
    "GET /dead-letters",
    ({ administration, query }) => administration.deadLetters({ ...query, max: query.max ?? PAGE_DEFAULT }),
    { query: page },
  ),
  route("GET /dead-letters/*", ({ administration, names: [text] }) =>
    administration.deadLetter(idText(text, "the id of a dead letter")),
  ),
  route(
    "POST /dead-letters/requeue",
    ({ administration, body: { force = false, ...selected } }) => administration.requeue(checked(selected), force),
    { body: forcedSelection },
  ),
  route("POST /dead-letters/purge", ({ administration, body }) => administration.purgeDeadLetters(checked(body)), {
    body: selection,
  }),
];

/** A body that was forgotten must not mean all of them. */
function checked(selected: DeadLetterSelection): DeadLetterSelection {
  if (Object.keys(selected).length > 0) return selected;
  throw new WaypostError("ERR_USAGE", "body: say which dead letters: ids, reason or destination, or all: true");
}
