/** A number per second for people: "0", "0.4", "12.5", "340". */
export function rateText(perSecond: number): string {
  return perSecond === 0 || perSecond >= 100 ? String(Math.round(perSecond)) : perSecond.toFixed(1);
}
