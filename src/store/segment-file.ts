import type { StoreDocument } from "./documents.ts";

/** One file of a store that documents are added to, commit by commit. */
export interface SegmentFile {
  readonly name: string;
  /** Bytes in the file. */
  readonly bytes: number;
  /** Documents in the file. */
  readonly documents: number;
  /** Hands documents to the operating system. Where it fails, the end of the file is unknown. */
  append(documents: readonly StoreDocument[]): Promise<void>;
  /** What was appended before this call is on the disk when it resolves. */
  sync(): Promise<void>;
  /** Nothing more will be appended. */
  close(): Promise<void>;
}

/** The files of a store. */
export interface SegmentDirectory {
  readonly path: string;
  /**
   * Keeps the directory to one gateway, until it is released or this process ends; makes it where it is missing.
   * @throws ERR_STORE_IN_USE where another has it
   */
  lock(): Promise<{ release(): Promise<void> }>;
  /** Names of the segments, oldest first. */
  list(): Promise<string[]>;
  create(number: number): Promise<SegmentFile>;
  read(name: string): Promise<Buffer>;
  /** Cuts a file off after so many bytes. */
  cut(name: string, bytes: number): Promise<void>;
  /** The file is gone for good when this resolves. */
  remove(name: string): Promise<void>;
  rename(name: string, to: string): Promise<void>;
}

const pattern = /^segment-(\d{8,})\.db$/;

export function segmentName(number: number): string {
  return `segment-${String(number).padStart(8, "0")}.db`;
}

/** Undefined where this is not the name of a segment. */
export function segmentNumber(name: string): number | undefined {
  const digits = pattern.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
