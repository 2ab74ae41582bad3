import type { Version } from "../support/client-packet.ts";

/** How a client answers what it gets. */
export type Manners = "polite" | "deaf" | "mute" | "hasty" | "refusing";

/** How a connection ends, if the gateway has not closed it before. */
export type Ending = "ping" | "end" | "reset" | "silence";

export interface Step {
  /** What is sent, in hexadecimal. */
  hex: string;
  /** Lengths of the pieces in which it is sent, a turn of the event loop apart, again and again. */
  cuts: number[];
  /** Turns of the event loop to wait afterwards. */
  turns: number;
}

/** What one connection does: everything that is needed to do it again. */
export interface Script {
  /** Which kind of trouble it makes. */
  kind: string;
  version: Version;
  steps: Step[];
  manners: Manners;
  ending: Ending;
  /** The CONNECT is whole, so that all that the gateway sends must be readable in its version. */
  isConnected: boolean;
  /** In silence the gateway has to close it of itself, by keep alive or for want of a CONNECT. */
  mustClose: boolean;
  /** What the CONNECT allows the gateway to send. */
  receiveMaximum: number;
  maximumPacketSize: number;
  topicAliasMaximum: number;
  /** It acknowledges by its manners only, so that what is in flight can be counted. */
  isOrderly: boolean;
}
