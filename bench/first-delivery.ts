import { WaypostError } from "../src/waypost-error.ts";
import { MqttClient } from "./mqtt-client.ts";

/** Longer than any wait that is worth to be shown as a number. */
const firstWithinMs = 10_000;

/**
 * Milliseconds from SUBSCRIBE, at QoS 1, to the first PUBLISH, for a client that is connected; it acknowledges nothing.
 * @throws WaypostError ERR_UPSTREAM when nothing comes within 10 s, or the connection fails
 */
export async function firstDelivery(port: number, filter: string): Promise<number> {
  const client = await MqttClient.connect(port);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<number>((resolve, reject) => {
      const reason = `SUBSCRIBE to ${filter} on port ${port} brought nothing within ${firstWithinMs / 1000} s`;
      timer = setTimeout(
        () => reject(new WaypostError("ERR_UPSTREAM", `${reason}: is anything there?`)),
        firstWithinMs,
      );
      const started = performance.now();
      client.subscribe(filter, () => resolve(performance.now() - started), 1);
    });
  } finally {
    clearTimeout(timer);
    await client.close();
  }
}
