import type { AddressInfo, Server } from "node:net";
import { WaypostError } from "../waypost-error.ts";
import type { ListenerAddress } from "./listener.ts";

const advice: Record<string, string> = {
  EADDRINUSE: "another program listens there: stop it, or set another port, listeners.<name>.port",
  EACCES: "ports below 1024 need privileges: choose a higher one",
  EADDRNOTAVAIL: "this machine does not have that address",
  ENOTFOUND: "no such host name",
};

/** Makes the server listen. @throws ERR_LISTEN with what to do about it */
export function listen(server: Server, host: string, port: number): Promise<ListenerAddress> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => {
      const why = advice[error.code ?? ""] ?? error.message;
      reject(new WaypostError("ERR_LISTEN", `cannot listen on ${host}:${port}: ${why}`, { cause: error }));
    };
    server.once("error", onError);
    server.listen({ host, port, backlog: 1024 }, () => {
      server.removeListener("error", onError);
      const { address, port: actual } = server.address() as AddressInfo;
      resolve({ host: address, port: actual });
    });
  });
}
