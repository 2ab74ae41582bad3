import { expect, it } from "vitest";
import { FewAtOnce } from "../../src/authentication/few-at-once.ts";

it("has two under way, the others in their order, and refuses what is too much", async () => {
  const line = new FewAtOnce(2, 2);
  const begun: string[] = [];
  const work = (name: string) => {
    const { promise, resolve, reject } = defer();
    const result = line.run(() => {
      begun.push(name);
      return promise;
    });
    return { result, resolve, reject };
  };
  const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(work) as [Work, Work, Work, Work, Work];
  await expect(e.result).rejects.toMatchObject({ code: "ERR_LIMIT_EXCEEDED" });
  expect(begun).toEqual(["a", "b"]);
  b.reject(new TypeError("broken"));
  await expect(b.result).rejects.toThrow("broken");
  expect(begun).toEqual(["a", "b", "c"]);
  a.resolve("done");
  expect(await a.result).toBe("done");
  c.resolve("done");
  d.resolve("done");
  expect(await Promise.all([c.result, d.result])).toEqual(["done", "done"]);
  const last = work("f");
  last.resolve("done");
  expect(await last.result).toBe("done");
  expect(begun).toEqual(["a", "b", "c", "d", "f"]);
});

interface Deferred {
  resolve(value: string): void;
  reject(error: Error): void;
}
type Work = Deferred & { readonly result: Promise<string> };

function defer(): Deferred & { readonly promise: Promise<string> } {
  let parts: Deferred | undefined;
  const promise = new Promise<string>((resolve, reject) => {
    parts = { resolve, reject };
  });
  return { promise, resolve: (value) => parts?.resolve(value), reject: (error) => parts?.reject(error) };
}
