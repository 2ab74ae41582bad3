import type { RequestOutcome } from "../../delivery/requests.ts";
import { base64, choice, fields, list, pair, positiveNumber, text } from "./readers.ts";
import { type Route, route } from "./route.ts";

const TIMEOUT_SECONDS_MAX = 3600;
const TIMEOUT_SECONDS_DEFAULT = 5;

const asked = fields(
  { topic: text },
  {
    payload: base64,
    timeoutSeconds: positiveNumber(TIMEOUT_SECONDS_MAX),
    qos: choice(0, 1, 2),
    contentType: text,
    userProperties: list(pair),
  },
);

/** Request and reply for callers that speak no MQTT. */
export const requestRoutes: readonly Route[] = [
  route(
    "POST /requests",
    async ({ administration, body: { timeoutSeconds = TIMEOUT_SECONDS_DEFAULT, payload, ...rest } }) => {
      const timeoutMs = Math.ceil(timeoutSeconds * 1000);
      return forJson(await administration.request({ payload: payload ?? Buffer.alloc(0), timeoutMs, ...rest }));
    },
    { body: asked, isLogged: false },
  ),
];

function forJson(outcome: RequestOutcome): object {
  return outcome.outcome === "answer" ? { ...outcome, payload: outcome.payload.toString("base64") } : outcome;
}
