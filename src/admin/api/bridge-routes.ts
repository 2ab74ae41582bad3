import { placeRoutes } from "./place-routes.ts";
import { fields, flagText } from "./readers.ts";
import { type Route, route } from "./route.ts";

const removal = fields({}, { force: flagText });

/** Bridges; the configuration makes them. */
export const bridgeRoutes: readonly Route[] = [
  route("GET /bridges", ({ administration }) => ({ bridges: administration.bridges() })),
  route("GET /bridges/*", ({ administration, names: [bridge = ""] }) => administration.bridge(bridge)),
  route("POST /bridges/*/drain", ({ administration, names: [bridge = ""] }) => administration.drainBridge(bridge)),
  route(
    "DELETE /bridges/*",
    ({ administration, names: [bridge = ""], query }) => administration.removeBridge(bridge, query.force === true),
    { query: removal },
  ),
  ...placeRoutes("bridges", "bridge"),
];
