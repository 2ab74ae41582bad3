import { byteSize, section, wholeNumber } from "./fields.ts";

const mebibyte = 1024 * 1024;

export const deadLettersSection = section(
  "Messages that will not be delivered, kept with the reason. Where a limit is reached, those that have been kept longest make room. `waypost dead-letters` lists them.",
  {
    messagesMax: wholeNumber({
      doc: "Dead letters that are kept; 0 keeps none, and they are only counted.",
      unit: "messages",
      min: 0,
      max: 10_000_000,
      default: 10_000,
    }),
    bytesMax: byteSize({
      doc: "Bytes of all dead letters together.",
      min: 1,
      max: 1024 * 1024 * mebibyte,
      default: 16 * mebibyte,
    }),
    timeToLiveSeconds: wholeNumber({
      doc: "How long a dead letter is kept; 0 is no limit.",
      unit: "seconds",
      min: 0,
      max: 4_294_967_295,
      default: 604_800,
    }),
  },
);
