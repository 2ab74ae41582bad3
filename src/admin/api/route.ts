import type { Administration } from "../administration.ts";
import { nothing, type Reader } from "./readers.ts";

/** What was asked for, whatever carried it here. */
export interface ApiRequest {
  readonly method: string;
  /** As on the request line: percent-encoded, from the first slash on, without the query. */
  readonly path: string;
  /** What stands behind the question mark, or "". */
  readonly query: string;
  /** JSON in UTF-8, or empty. */
  readonly body: Buffer;
}

export interface ApiAnswer {
  /** As in HTTP. */
  readonly status: number;
  /** To be sent as JSON. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a handler is called with: names of its path in their order, decoded; query and body as its readers made them. */
export interface Call<Query, Body> {
  readonly administration: Administration;
  readonly names: readonly string[];
  readonly query: Query;
  readonly body: Body;
}

/** Makes the body of the answer. */
type Handler<Query, Body> = (call: Call<Query, Body>) => unknown;

export interface Route {
  readonly method: string;
  /** Levels of the path; `*` stands for a name. */
  readonly levels: readonly string[];
  /** Of the answer where all went well. */
  readonly status: number;
  readonly query: Reader<unknown>;
  readonly body: Reader<unknown>;
  readonly run: Handler<unknown, unknown>;
  /** Whether the log says that it was asked for, so that an operator finds out what was changed and when. */
  readonly isLogged: boolean;
}

/** An entry for the table of routes. Without a reader, query or body must be empty. */
export function route<Query = Record<never, never>, Body = Record<never, never>>(
  line: `${"GET" | "POST" | "DELETE"} /${string}`,
  run: Handler<Query, Body>,
  input: { query?: Reader<Query>; body?: Reader<Body>; status?: number; isLogged?: boolean } = {},
): Route {
  const [method = "", path = ""] = line.split(" ");
  return {
    method,
    levels: path.slice(1).split("/"),
    status: input.status ?? 200,
    query: input.query ?? nothing,
    body: input.body ?? nothing,
    run: run as Handler<unknown, unknown>,
    isLogged: input.isLogged ?? method !== "GET",
  };
}
