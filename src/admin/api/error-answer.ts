import { WaypostError, type WaypostErrorCode } from "../../waypost-error.ts";
import type { ApiAnswer } from "./route.ts";

const statuses: Partial<Record<WaypostErrorCode, number>> = {
  ERR_USAGE: 400,
  ERR_CONFIG_INVALID: 400,
  ERR_TOPIC_INVALID: 400,
  ERR_NOT_FOUND: 404,
  ERR_CONFLICT: 409,
  ERR_PACKET_TOO_LARGE: 413,
  ERR_LIMIT_EXCEEDED: 503,
  ERR_STORE: 503,
  ERR_CLOSED: 503,
};

/** What went wrong, as an answer. What only a defect can be is not told, but for its code: the log has it. */
export function errorAnswer(error: unknown): ApiAnswer {
  const status = error instanceof WaypostError ? statuses[error.code] : undefined;
  if (error instanceof WaypostError && status !== undefined) {
    return { status, body: { error: { code: error.code, message: error.message } } };
  }
  const message = "this failed for a reason that nobody foresaw: the log of the gateway has it";
  return { status: 500, body: { error: { code: "ERR_INVARIANT", message } } };
}
