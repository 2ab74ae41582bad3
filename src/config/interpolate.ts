export type Environment = Readonly<Record<string, string | undefined>>;

export interface Interpolated {
  readonly text: string;
  /** Whether a variable stood in the text; `$${` alone does not count. */
  readonly replaced: boolean;
  /** What is wrong with each reference that could not be replaced. */
  readonly problems: readonly string[];
}

const reference = /\$\$\{|\$\{([^}]*)(\}?)/g;
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Replaces `${NAME}` by the environment's value; `$${` stands for a literal `${`. Values are not interpolated again. */
export function interpolate(text: string, environment: Environment): Interpolated {
  const problems: string[] = [];
  let replaced = false;
  const result = text.replaceAll(reference, (whole, name: string | undefined, end: string | undefined) => {
    if (name === undefined) return "${";
    if (end !== "}" || !variableName.test(name)) {
      problems.push(`has ${JSON.stringify(whole)}, which names no variable: write \${NAME}, or $\${ for a literal \${`);
      return whole;
    }
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
    if (value === undefined) {
      problems.push(
        `needs the environment variable ${name}, which is not set: set it, or write $\${ for a literal \${`,
      );
      return whole;
    }
    replaced = true;
    return value;
  });
  return { text: result, replaced, problems };
}
