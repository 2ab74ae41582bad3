import { Socket } from "node:net";
import { WireSlab } from "../protocol/wire-slab.ts";

/** What takes the bytes of a stream: a connection puts itself on its stream as `client`, as in aedes. */
interface ByteTaker {
  arrived(chunk: Buffer, start: number, end: number): void;
}

interface Handle {
  useUserBuffer?: unknown;
}

type OpenSocket = Socket & { _handle: Handle | null; client?: ByteTaker };

/** All sockets read into this one buffer; its bytes are taken before the next one reads. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);
const slab = new WireSlab(128 * 1024);

/**
 * The accepted socket (which must be paused) as one that reads into a common slab and emits no `data`: its bytes go to
 * `client.arrived`. An ordinary socket allocates 64 kB for each read and an ArrayBuffer that the garbage collector has
 * to track; measured, that is a fifth of what a message costs when a hundred devices send a few at a time. And bytes
 * that different sockets send lie side by side in the slab, so that what goes on to one receiver is one slice.
 *
 * Node offers `onread` only for sockets that one makes oneself; so this takes over the handle of the one that the
 * server made. Where Node no longer lets that happen, the socket is returned as it is, and works as it always did.
 */
export function slabSocket(accepted: Socket): Socket {
  const { _handle: handle } = accepted as OpenSocket;
  if (typeof handle?.useUserBuffer !== "function") return accepted.resume();
  (accepted as OpenSocket)._handle = null;
  const socket: OpenSocket = new Socket({
    handle,
    onread: {
      buffer: scratch,
      callback: (bytes: number) => {
        const start = slab.reserve(bytes);
        slab.buffer.set(bytes === scratch.length ? scratch : scratch.subarray(0, bytes), start);
        socket.client?.arrived(slab.buffer, start, start + bytes);
        return true;
      },
    },
  } as never) as OpenSocket;
  return socket;
}
