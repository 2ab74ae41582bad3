import assert from "node:assert";
import { expect, it } from "vitest";

type Body = (context: object) => Promise<void> | void;

/**
 * Runs tests that were written for `node:test` under vitest: gives them `t.assert`, `t.plan` and `t.diagnostic`. `t.plan`
 * is checked at the end, so a test that stops early fails. `skipped` names tests that do not apply, with the reason.
 */
export function nodeTest(skipped: Record<string, string> = {}): (name: string, body: Body) => void {
  return (name, body) => {
    const reason = skipped[name];
    if (reason !== undefined) return it.skip(`${name} (${reason})`, () => {});
    it(name, async () => {
      let planned: number | undefined;
      let asserted = 0;
      const counted = new Proxy(assert, {
        get: (target, key) => {
          const method = Reflect.get(target, key);
          if (typeof method !== "function") return method;
          return (...args: unknown[]) => {
            asserted++;
            return Reflect.apply(method, target, args);
          };
        },
      });
      const plan = (count: number) => {
        planned = count;
      };
      const fail = (message: string) => expect.fail(message);
      await body({ assert: counted, plan, fail, diagnostic: () => {} });
      if (planned !== undefined) expect(asserted, "assertions made").toBe(planned);
    });
  };
}
