/** When segments are ended, given back, and how much is done in one go. */
export interface SegmentLimits {
  segmentBytesMax: number;
  /** NeDB keeps what it wrote in memory until the segment is closed. */
  segmentDocumentsMax: number;
  /** Documents that are handed to NeDB at once: each costs it some 8 us, in which nothing else is done. */
  appendAtOnce: number;
  /** Bytes that do not count any more and may stay on the disk, however little still counts. */
  garbageBytesMax: number;
  /** Entries of a segment to be given back that are copied in one commit. */
  copyAtOnce: number;
}

export const defaultSegmentLimits: SegmentLimits = {
  segmentBytesMax: 4 * 1024 * 1024,
  segmentDocumentsMax: 8192,
  appendAtOnce: 256,
  garbageBytesMax: 4 * 1024 * 1024,
  copyAtOnce: 256,
};
