import type { Gateway } from "../gateway.ts";

export const cloudKinds = ["mosquitto", "waypost"] as const;
export type CloudKind = (typeof cloudKinds)[number];

/** The broker at the far end of a gateway's bridge. */
export type Cloud = {
  /** What the report calls it. */
  name: string;
  gateway: Gateway;
  host: string;
  port: number;
  /** Says how it ended if that was not cleanly. */
  stop(): Promise<string | undefined>;
};
