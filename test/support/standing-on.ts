import { FrameReader } from "../../src/protocol/frame-reader.ts";
import { WaypostError } from "../../src/waypost-error.ts";

/** A reader that stands on the one frame that these bytes are. */
export function standingOn(bytes: Buffer): FrameReader {
  const frames = new FrameReader(1 << 22);
  frames.push(bytes, 0, bytes.length);
  if (!frames.next()) throw new WaypostError("ERR_INVARIANT", "a test's bytes are not a whole frame: check its length");
  return frames;
}
