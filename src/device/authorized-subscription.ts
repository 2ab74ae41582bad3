import type { EdgeBroker, Subscription } from "../broker/edge-broker.ts";
import { reasonCode, refusalCodeOf } from "../protocol/reason-code.ts";
import { WaypostError } from "../waypost-error.ts";
import { ask } from "./ask.ts";
import type { Link } from "./link.ts";

/**
 * Asks `authorizeSubscribe`: the subscription as it is granted, or the reason code of a refusal.
 * @throws ERR_NOT_AUTHORIZED where the hook answers with an error: as in aedes, that closes the connection. MQTT 5 can
 *   refuse one filter with a reason code, so there it does not.
 */
export async function authorizedSubscription(
  broker: EdgeBroker,
  connection: Link,
  subscription: Subscription,
): Promise<Subscription | number> {
  try {
    const answer = await ask<Subscription | null>((callback) =>
      broker.authorizeSubscribe(connection, subscription, callback),
    );
    return answer ?? reasonCode.notAuthorized;
  } catch (error) {
    if (connection.version === 5) return refusalCodeOf(error);
    const why = error instanceof Error ? error.message : String(error);
    throw new WaypostError("ERR_NOT_AUTHORIZED", `subscribing to ${subscription.topic} was refused: ${why}`, {
      cause: error,
    });
  }
}
