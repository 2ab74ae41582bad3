import type { QoS } from "../protocol/packet-type.ts";
import type { InboundAliases, OutboundAliases } from "../protocol/topic-aliases.ts";

/** What the two sides of an MQTT 5 connection have told each other; it ends with the connection. */
export interface Terms {
  /** QoS 1 and 2 messages that the client takes at a time [MQTT-3.3.4-9]. */
  readonly receiveMaximum: number;
  /** QoS 1 and 2 messages that the client may send before they are acknowledged [MQTT-3.3.4-7]; Infinity where nobody said. */
  readonly inboundInFlightMax: number;
  /** Largest packet that the client takes, in bytes [MQTT-3.1.2-24]. */
  readonly packetBytesMax: number;
  /** Aliases that the client may set; null before MQTT 5. */
  readonly inboundAliases: InboundAliases | null;
  /** Aliases that the client understands; null where it wants none. */
  readonly outboundAliases: OutboundAliases | null;
  /** Where the peer is a server: the highest QoS that it takes [MQTT-3.2.2-11], and whether it keeps retained messages [MQTT-3.2.2-14]. */
  readonly qosMax?: QoS;
  readonly retainAvailable?: boolean;
  /** Whether reason strings may go along with acknowledgements [MQTT-3.1.2-29]. */
  readonly problemInformation: boolean;
}

/** There was nothing to agree on before MQTT 5. */
export const termsBefore5: Terms = {
  receiveMaximum: 65_535,
  inboundInFlightMax: Number.POSITIVE_INFINITY,
  packetBytesMax: Number.POSITIVE_INFINITY,
  inboundAliases: null,
  outboundAliases: null,
  problemInformation: false,
};
