export type BroadcastShares = {
  dashboards: number;
  controllers: number;
  cameras: number;
  flakySensors: number;
  lamps: number;
  buttons: number;
  thermometers: number;
};

/** Two dashboards and one of each other kind. */
export const broadcastDevicesMin = 8;

/**
 * Shares `devices` out. What every dashboard receives grows with the fleet, so dashboards and cameras stop growing
 * before the machine that runs the fleet becomes the thing that is measured.
 */
export function broadcastShares(devices: number): BroadcastShares {
  const share = (fraction: number, min: number, max: number) =>
    Math.min(max, Math.max(min, Math.round(devices * fraction)));
  const special = {
    dashboards: share(0.02, 2, 5),
    controllers: 1,
    cameras: share(0.02, 1, 6),
    flakySensors: share(0.1, 1, 100),
    lamps: share(0.15, 1, 150),
    buttons: share(0.15, 1, 300),
  };
  const taken = Object.values(special).reduce((sum, count) => sum + count, 0);
  return { ...special, thermometers: devices - taken };
}
