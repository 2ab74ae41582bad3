/** Asks a hook of aedes and waits for its callback; `ask` is given the callback. A hook that throws rejects. */
export function ask<T>(hook: (callback: (error?: Error | null, answer?: T) => void) => void): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    hook((error, answer) => {
      if (error) reject(error);
      else resolve(answer);
    });
  });
}
