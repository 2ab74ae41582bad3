/** Something that a publisher's acknowledgement waits for. */
export interface Acceptance {
  readonly accepted: boolean;
  /** Calls back once it is accepted, at once if it is; with an error where it failed for good. */
  whenAccepted(done: (error?: unknown) => void): void;
}
