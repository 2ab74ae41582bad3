/**
 * A result that is there already. Its `then` runs the callback at once instead of in a microtask; `await` works as
 * with any promise. What the callback throws is thrown to whoever called `then`.
 */
export class Settled<T> implements PromiseLike<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  // biome-ignore lint/suspicious/noThenProperty: being thenable is what it is for
  then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    _rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): PromiseLike<A | B> {
    if (fulfilled === undefined || fulfilled === null) return this as unknown as PromiseLike<A>;
    const next = fulfilled(this.#value);
    if (next === undefined) return settled as unknown as PromiseLike<A>;
    return isPromiseLike(next) ? next : new Settled(next);
  }
}

/** The settled nothing. */
export const settled: PromiseLike<void> = new Settled<void>(undefined);

function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { then?: unknown } | null)?.then === "function";
}
