// biome-ignore lint/suspicious/noMisleadingCharacterClass: single code points are meant, joiners among them
const mappedToNothing = /[\u{ad}\u{34f}\u{1806}\u{200c}\u{200d}\u{2060}\u{feff}\p{Variation_Selector}]/gu;
const otherSpaces = /\p{Zs}/gu;
const prohibited = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}\u{fffc}\u{fffd}]/u;

/**
 * A user name or password in the one form in which it is compared: a part of SASLprep (RFC 4013), its mappings, NFKC and
 * the refusal of what is not printable, without its rules for right-to-left text and its limit to Unicode 3.2.
 * Undefined where it is empty or has a character that is refused.
 */
export function saslPrepared(text: string): string | undefined {
  const prepared = text.replaceAll(otherSpaces, " ").replaceAll(mappedToNothing, "").normalize("NFKC");
  return prepared === "" || prohibited.test(prepared) ? undefined : prepared;
}
