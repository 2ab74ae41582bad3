import { isIP, isIPv4 } from "node:net";

/** Whether a listener on this host can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  if (isIPv4(name)) return name.startsWith("127.");
  if (isIP(name) === 0) return false;
  const mapped = /^::ffff:(127\.\d+\.\d+\.\d+)$/.exec(name);
  return mapped !== null || /^(0{1,4}:){7}0{0,3}1$/.test(name) || name === "::1";
}
