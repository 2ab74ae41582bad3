import { z } from "zod";
import { destinationNamePattern } from "../topic/destination-name.ts";
import { requiredList, section, wholeNumber } from "./fields.ts";
import { mapByName } from "./map-by-name.ts";

const patternCharactersMax = 256;

const clientIdPattern = z.string({ error: "must be a client id pattern" }).superRefine((pattern, context) => {
  const mistake = patternMistake(pattern);
  if (mistake !== undefined) {
    context.addIssue({ code: "custom", message: `${JSON.stringify(pattern)} is no client id pattern: ${mistake}` });
  }
});

function patternMistake(pattern: string): string | undefined {
  if (pattern === "") return "it is empty";
  if (pattern.includes("\0")) return "it contains U+0000";
  return pattern.length > patternCharactersMax ? `it has more than ${patternCharactersMax} characters` : undefined;
}

const groupSettings = section("One group.", {
  members: requiredList({
    doc: 'Which devices belong to the group, by client id: patterns such as "sensor-2-*", in which * stands for any characters and ? for one.',
    of: clientIdPattern,
    max: 1000,
    what: "client id patterns",
  }),
  qos: wholeNumber({
    doc: "Highest QoS at which members get a message; a message of a lower one keeps it.",
    min: 0,
    max: 2,
    default: 2,
  }),
});

export const groupsSection = mapByName({
  doc: "Groups of devices, by name. A message published to `$group/<name>/<topic>` reaches each member once, connected or away, as `<topic>`. A name has 1 to 64 letters (a to z, A to Z), digits and the characters . _ ~ - and one made by an environment variable is in lower case.",
  of: groupSettings,
  max: 1000,
  what: "group names",
  namePattern: destinationNamePattern,
  advice: "give the group its members",
});
