/** Where the fleet finds its gateway, and as whom it comes. */
export type Gateway = { url: string; wsUrl: string; username?: string; password?: string };
