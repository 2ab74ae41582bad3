import { WaypostError } from "../../waypost-error.ts";

/** The value of a body of JSON; an empty object where there is none. @throws ERR_USAGE */
export function readJson(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) {
    const why = error instanceof SyntaxError ? `: ${error.message}` : ": it is not UTF-8";
    throw new WaypostError("ERR_USAGE", `body: this is no JSON${why}`, { cause: error });
  }
}
