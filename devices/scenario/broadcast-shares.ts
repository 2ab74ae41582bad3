export type BroadcastShares = {
  dashboards: number;
  controllers: number;
  cameras: number;
  flakySensors: number;
  lamps: number;
  buttons: number;
  announcers: number;
  displays: number;
  thermometers: number;
};

/** Two dashboards and one of each other kind. */
export const broadcastDevicesMin = 10;
const thermometersMax = 400;

/**
 * Shares `devices` out. What every dashboard receives grows with the fleet, so dashboards and cameras stop growing
 * before the machine that runs the fleet becomes the thing that is measured; a large fleet is mostly displays.
 */
export function broadcastShares(devices: number): BroadcastShares {
  const share = (fraction: number, min: number, max: number) =>
    Math.min(max, Math.max(min, Math.floor(devices * fraction)));
  const special = {
    dashboards: share(0.02, 2, 5),
    controllers: 1,
    cameras: share(0.02, 1, 6),
    flakySensors: share(0.1, 1, 100),
    lamps: share(0.15, 1, 150),
    buttons: share(0.15, 1, 300),
    announcers: 1,
  };
  const taken = Object.values(special).reduce((sum, count) => sum + count, 0);
  const rest = devices - taken;
  const displays = Math.max(rest - thermometersMax, share(0.2, 1, rest - 1));
  return { ...special, displays, thermometers: rest - displays };
}
