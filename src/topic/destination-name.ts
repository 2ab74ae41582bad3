const charactersMax = 64;

/** What a name of a queue or group may consist of. As text it is a pattern of the JSON Schema too. */
export const destinationNamePattern = /^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,64}$/;

/** Why a name cannot be that of a queue or group, to follow "is no queue name: "; undefined where it can. */
export function destinationNameMistake(name: string): string | undefined {
  if (destinationNamePattern.test(name)) return undefined;
  if (name === "") return "it is empty";
  // In a path such as /queues/.. these two stand for other places, percent-encoded or not.
  if (name === "." || name === "..") return "it must be more than dots";
  const wrong = /[^A-Za-z0-9._~-]/u.exec(name)?.[0];
  if (wrong === undefined) return `it has more than ${charactersMax} characters`;
  return `it contains ${JSON.stringify(wrong)}, use letters (a to z, A to Z), digits and . _ ~ - only`;
}
