import { WaypostError } from "../waypost-error.ts";
import { readConfigFile } from "./read-file.ts";

const purpose = { holds: "value", givenWith: "this variable", bytesMax: 64 * 1024 };

/**
 * The value of a setting that stands in a file of its own, as secrets of containers do, without the line feed at its end;
 * or what is wrong with the file.
 */
export function readSettingFile(file: string): { value: string } | { mistake: string } {
  if (file === "") return { mistake: "is empty: name the file that holds the value" };
  try {
    return { value: readConfigFile(file, purpose).replace(/\r?\n$/, "") };
  } catch (error) {
    if (error instanceof WaypostError) return { mistake: `names a file that cannot be used: ${error.message}` };
    throw error;
  }
}
