import type { Log } from "../../log.ts";
import { WaypostError } from "../../waypost-error.ts";
import type { Administration } from "../administration.ts";
import { bridgeRoutes } from "./bridge-routes.ts";
import { deadLetterRoutes } from "./dead-letter-routes.ts";
import { errorAnswer } from "./error-answer.ts";
import { mailboxRoutes, queueRoutes } from "./queue-routes.ts";
import { readJson } from "./read-json.ts";
import { readQuery } from "./read-query.ts";
import { requestRoutes } from "./request-routes.ts";
import { type ApiAnswer, type ApiRequest, type Route, route } from "./route.ts";

/**
 * The administration as requests and answers in JSON. It knows nothing of what carries them: that reads bodies no longer
 * than `bodyBytesMax`, and decides who may ask.
 */
export class AdministrationApi {
  readonly #administration: Administration;
  readonly #log: Log;
  readonly #routes: readonly Route[] = [
    ...queueRoutes,
    ...mailboxRoutes,
    ...bridgeRoutes,
    route("GET /groups", ({ administration }) => ({ groups: administration.groups() })),
    ...deadLetterRoutes,
    ...requestRoutes,
  ];

  constructor({ administration, log }: { administration: Administration; log: Log }) {
    this.#administration = administration;
    this.#log = log;
  }

  /** Never rejects: what went wrong is an answer too, `{ error: { code, message } }`. */
  async handle(request: ApiRequest): Promise<ApiAnswer> {
    try {
      return await this.#answer(request);
    } catch (error) {
      const answer = errorAnswer(error);
      const { method, path } = request;
      if (answer.status === 500) this.#log.error({ method, path, error }, "a request to the administration failed");
      return answer;
    }
  }

  async #answer(request: ApiRequest): Promise<ApiAnswer> {
    const levels = levelsOf(request.path);
    const here = this.#routes.filter((each) => matches(each, levels));
    const found = here.find(({ method }) => method === request.method);
    if (found === undefined) return here.length === 0 ? this.#nothingThere() : wrongMethod(request, here);
    const body = await found.run({
      administration: this.#administration,
      names: levels.filter((_, index) => found.levels[index] === "*"),
      query: found.query(readQuery(request.query), "query:"),
      body: found.body(readJson(request.body), "body:"),
    });
    if (found.isLogged) this.#log.info({ method: found.method, path: request.path }, "changed by the administration");
    return { status: found.status, body };
  }

  #nothingThere(): never {
    const folders = [...new Set(this.#routes.map(({ levels: [first] }) => `/${first}`))];
    throw new WaypostError("ERR_NOT_FOUND", `there is nothing under this path: there are ${folders.join(", ")}`);
  }
}

function levelsOf(path: string): string[] {
  // Not a URL of the platform: that would take `..` and `.`, which are client ids, for ways through folders.
  const [root, ...levels] = path.split("/");
  if (root !== "") throw new WaypostError("ERR_USAGE", "the path must begin with a slash");
  try {
    return levels.map(decodeURIComponent);
  } catch {
    const why = "the path has a percent sign that is no escape of UTF-8: write %25 for a percent sign";
    throw new WaypostError("ERR_USAGE", why);
  }
}

function matches({ levels }: Route, given: readonly string[]): boolean {
  if (levels.length !== given.length) return false;
  return levels.every((level, index) => (level === "*" ? given[index] !== "" : level === given[index]));
}

function wrongMethod({ method }: ApiRequest, here: readonly Route[]): ApiAnswer {
  const allow = [...new Set(here.map((each) => each.method))].join(", ");
  const { body } = errorAnswer(new WaypostError("ERR_USAGE", `${method} is not possible here: use ${allow}`));
  return { status: 405, body, headers: { allow } };
}
