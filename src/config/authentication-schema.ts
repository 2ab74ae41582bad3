import { z } from "zod";
import { scramVerifierMistake } from "../authentication/scram-verifier.ts";
import { secret, section } from "./fields.ts";

const user = section("One user.", {
  password: secret({
    doc: "Not the password, but its verifier, SCRAM-SHA-256$4096:…, which `waypost passwd` prints.",
    mustBe: "the verifier of a password, which `waypost passwd` prints",
    mistakeOf(text) {
      const mistake = scramVerifierMistake(text);
      return mistake === undefined
        ? undefined
        : `is no verifier: ${mistake}. It is not the password itself: print its verifier with \`waypost passwd\``;
    },
  }),
});

export const authenticationSection = section(
  "Who may connect. Without users, everybody who reaches a listener. With users, a client gives the name and password of one of them, or authenticates by SCRAM-SHA-256 (MQTT 5), which does not send the password; one that gives neither is let in only by a listener with allowAnonymous: true, and one whose credentials are wrong by none. TLS is not there yet: a user name and password can be read on the way. A user name has 1 to 128 characters; one made by an environment variable is in lower case.",
  {
    users: z
      .record(z.string(), user, { error: "must be a map of user names" })
      .prefault({})
      .meta({ description: "The users, by name." }),
  },
);
