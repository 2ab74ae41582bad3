/** What a lane asks of a broker that keeps messages: nothing is dropped, and it may write into its own folder. */
export interface Storing {
  /** Messages that one mailbox must hold; in bytes there is no limit that matters. */
  mailboxMessagesMax: number;
  /** Instead of what the run was told, with the engine that keeps on disk: where that is what the lane is about. */
  durability?: StoreChoice["durability"];
  /** It has the queue `bench`, with as much room, and the last level of a topic is its key where there are keys. */
  queue?: "least-busy" | "by-key";
  /** It has the bridge `bench`, with as much room for each filter. */
  bridge?: Bridging;
}

/** A bridge that takes what is published at this broker to an upstream, at QoS 1, and is back soon after it. */
export interface Bridging {
  upstreamPort: number;
  filters: readonly string[];
  /** For the upstream, and for a broker that would send less at once; undefined: each has its default. */
  inFlightMax?: number | undefined;
}

/** How Waypost keeps messages; other brokers have no such choice. */
export interface StoreChoice {
  /** For every lane. Undefined: nedb where a lane needs a store, the gateway's own default where it does not. */
  engine: "nedb" | "memory" | undefined;
  durability: "synced" | "written" | "memory";
}

/** The folder for what a broker keeps, inside the home of its process. */
export const storeFolderName = "data";
