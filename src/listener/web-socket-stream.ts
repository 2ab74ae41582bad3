import type { Duplex } from "node:stream";
import stream from "websocket-stream";
import type { WebSocket } from "ws";

/** Bytes that may wait to be read before the socket is paused. */
const READ_AHEAD_BYTES = 64 * 1024;

type WebSocketDuplex = Duplex & { socket: WebSocket; _readableState: { length: number } };

/**
 * The WebSocket as a byte stream. A text frame closes it: MQTT is carried in binary frames [MQTT-6.0.0-1].
 * websocket-stream pushes whatever comes, however much waits to be read; here the socket is paused meanwhile.
 */
export function webSocketStream(webSocket: WebSocket, refused: (why: string) => void): Duplex {
  const duplex = stream(webSocket as never, { binary: true } as never) as unknown as WebSocketDuplex;
  // websocket-stream has set `onmessage`, which cannot tell text from binary.
  const take = webSocket.onmessage;
  webSocket.onmessage = null;
  webSocket.on("message", (data, isBinary) => {
    if (!isBinary) {
      refused("a WebSocket text frame; MQTT is carried in binary frames");
      webSocket.close(1003, "binary frames only");
      duplex.destroy();
      return;
    }
    take?.call(webSocket, { data, type: "message", target: webSocket } as never);
    if (duplex._readableState.length > READ_AHEAD_BYTES && !webSocket.isPaused) webSocket.pause();
  });
  // Frames that break RFC 6455 or are too large; ws has answered with a close frame that says why.
  webSocket.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code?.startsWith("WS_ERR_")) refused(`a bad WebSocket frame: ${error.message}`);
  });
  const read = duplex._read;
  duplex._read = function (size: number) {
    if (webSocket.isPaused) webSocket.resume();
    read.call(this, size);
  };
  return duplex;
}
