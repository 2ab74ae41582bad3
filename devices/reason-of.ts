/** What an error of a connection says, in a few words. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ECONNREFUSED") return "connection refused";
  // Node gives an error without a message when each address of a host failed.
  return error.message || String(code ?? error.name);
}
