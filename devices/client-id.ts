/** The client id of a device: `alias` keeps runs apart at the gateway. */
export function clientIdOf(alias: string, name: string): string {
  return `${alias}-${name}`;
}
