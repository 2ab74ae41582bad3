import { Message } from "../store/message.ts";
import type { Listener, Receiver } from "./router.ts";

/** What aedes subscribes for a receiver that takes everything as it was published. */
export function listenerOf(receiver: Receiver): Listener {
  const listener: Listener = (packet, done) => {
    // Another mqemitter than our router knows no receivers.
    const message = new Message(packet, packet.qos, false);
    receiver.deliver(message, 2);
    message.whenAccepted(done);
  };
  listener.receiver = receiver;
  listener.qos = 2;
  return listener;
}
