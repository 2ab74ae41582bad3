import type { EdgeBroker, Subscription } from "../broker/edge-broker.ts";
import { WaypostError } from "../waypost-error.ts";
import { ask } from "./ask.ts";
import type { Link } from "./link.ts";

/**
 * Asks `authorizeSubscribe`: the subscription as it is granted, or null for a refusal.
 * @throws ERR_NOT_AUTHORIZED where the hook answers with an error: as in aedes, that closes the connection
 */
export async function authorizedSubscription(
  broker: EdgeBroker,
  connection: Link,
  subscription: Subscription,
): Promise<Subscription | null> {
  try {
    const answer = await ask<Subscription | null>((callback) =>
      broker.authorizeSubscribe(connection, subscription, callback),
    );
    return answer ?? null;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new WaypostError("ERR_NOT_AUTHORIZED", `subscribing to ${subscription.topic} was refused: ${why}`, {
      cause: error,
    });
  }
}
