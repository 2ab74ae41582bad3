import { describe, expect, it } from "vitest";
import type { AuthenticationExchange } from "../../src/authentication/authentication-method.ts";
import { ScramSha256 } from "../../src/authentication/scram-sha-256.ts";
import { deriveScramVerifier, formatScramVerifier } from "../../src/authentication/scram-verifier.ts";
import { Users } from "../../src/authentication/users.ts";
import { ScramClient } from "./scram-client.ts";
import { pencilVerifier, stockUsers } from "./stock-users.ts";

const begin = (users = stockUsers()) => new ScramSha256(users).begin();
const pencil = { username: "user", password: "pencil" };
const refusal = (text: string) =>
  expect.objectContaining({ code: "ERR_NOT_AUTHORIZED", message: expect.stringContaining(text) });
const violation = expect.objectContaining({ code: "ERR_PROTOCOL_VIOLATION" });

async function challengeOf(exchange: AuthenticationExchange, first: Buffer): Promise<Buffer> {
  const step = await exchange.next(first);
  expect(step.done).toBe(false);
  return step.data ?? Buffer.alloc(0);
}

async function verifierOf(password: string) {
  return formatScramVerifier(await deriveScramVerifier(password));
}

describe("an exchange", () => {
  it("is that of RFC 7677, section 3", async () => {
    const method = new ScramSha256(stockUsers(), () => "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
    expect(method.name).toBe("SCRAM-SHA-256");
    const exchange = method.begin();
    const challenge = await challengeOf(exchange, Buffer.from("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"));
    expect(challenge.toString()).toBe(
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    );
    const final =
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    expect(await exchange.next(Buffer.from(final))).toEqual({
      done: true,
      username: "user",
      data: Buffer.from("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
    });
  });

  it("begins with a question where the client sent nothing yet, once", async () => {
    const exchange = begin();
    expect(await exchange.next(undefined)).toEqual({ done: false, data: Buffer.alloc(0) });
    const client = new ScramClient(pencil);
    const challenge = await challengeOf(exchange, client.first);
    expect(await exchange.next(client.final(challenge))).toMatchObject({ done: true, username: "user" });

    const silent = begin();
    await silent.next(Buffer.alloc(0));
    await expect(silent.next(undefined)).rejects.toEqual(violation);
  });

  it.each(["n,,", "y,,", "n,a=user,", "y,a=user,"])("takes the header %s", async (header) => {
    const [exchange, client] = [begin(), new ScramClient({ ...pencil, header })];
    const step = await exchange.next(client.final(await challengeOf(exchange, client.first)));
    expect(step).toEqual({ done: true, username: "user", data: Buffer.from(client.expected) });
  });

  it("knows names with commas and equals signs, and those of objects", async () => {
    const verifier = await verifierOf("pässword");
    for (const name of ["a,b=c", "=2C", "__proto__", "constructor", "größe"]) {
      const exchange = begin(new Users(Object.fromEntries([[name, verifier]])));
      const client = new ScramClient({ username: name, password: "pässword" });
      const step = await exchange.next(client.final(await challengeOf(exchange, client.first)));
      expect(step).toMatchObject({ done: true, username: name });
    }
  });

  it("takes a name in its prepared form", async () => {
    const exchange = begin(new Users({ IX: pencilVerifier }));
    const client = new ScramClient({ username: "\u2168", password: "pencil" });
    const step = await exchange.next(client.final(await challengeOf(exchange, client.first)));
    expect(step).toMatchObject({ done: true, username: "IX" });
  });

  it("passes over attributes that nobody has defined", async () => {
    const first = Buffer.from("n,,n=user,r=abc,x=1,y=2");
    expect((await challengeOf(begin(), first)).toString()).toMatch(
      /^r=abc[^,]{20,},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096$/,
    );
  });

  it("adds to the client's nonce another each time", async () => {
    const first = new ScramClient(pencil).first;
    expect(await challengeOf(begin(), first)).not.toEqual(await challengeOf(begin(), first));
  });
});

describe("a client is refused", () => {
  it("where its password is wrong, and the exchange is over", async () => {
    const [exchange, client] = [begin(), new ScramClient({ ...pencil, password: "pen" })];
    const challenge = await challengeOf(exchange, client.first);
    await expect(exchange.next(client.final(challenge))).rejects.toEqual(refusal("user name or password is wrong"));
    const right = new ScramClient(pencil).final(challenge);
    await expect(exchange.next(right)).rejects.toEqual(violation);
  });

  it("where one bit of its proof is wrong, whichever", async () => {
    for (let bit = 0; bit < 256; bit++) {
      const [exchange, client] = [begin(), new ScramClient(pencil)];
      const [start = "", proof = ""] = client
        .final(await challengeOf(exchange, client.first))
        .toString()
        .split(",p=");
      const bytes = Buffer.from(proof, "base64");
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      const tampered = Buffer.from(`${start},p=${bytes.toString("base64")}`);
      await expect(exchange.next(tampered)).rejects.toEqual(refusal("password is wrong"));
    }
  });

  it("where it does not exist, at the same step and in the same words, and is shown a salt that stays", async () => {
    const users = stockUsers();
    const client = new ScramClient({ username: "nobody", password: "pencil" });
    const salts: (string | undefined)[] = [];
    for (let round = 0; round < 2; round++) {
      const exchange = begin(users);
      const challenge = await challengeOf(exchange, client.first);
      salts.push(/,s=([^,]+),i=4096$/.exec(challenge.toString())?.[1]);
      await expect(exchange.next(client.final(challenge))).rejects.toEqual(refusal("user name or password is wrong"));
    }
    expect(salts[0]).toHaveLength(24);
    expect(salts[1]).toBe(salts[0]);
    const other = await challengeOf(begin(users), new ScramClient({ username: "nobody2", password: "" }).first);
    expect(other.toString()).not.toContain(salts[0]);
  });

  it("where it was removed, or got another password, while the exchange went on", async () => {
    for (const next of [{}, { user: await verifierOf("pencil") }]) {
      const [users, client] = [stockUsers(), new ScramClient(pencil)];
      const exchange = begin(users);
      const challenge = await challengeOf(exchange, client.first);
      users.replace(next);
      await expect(exchange.next(client.final(challenge))).rejects.toEqual(refusal("password is wrong"));
    }
  });

  it("where its final message is that of another exchange", async () => {
    const [heard, client] = [begin(), new ScramClient(pencil)];
    const final = client.final(await challengeOf(heard, client.first));
    await heard.next(final);
    await expect(heard.next(final)).rejects.toEqual(violation);
    const replay = begin();
    await challengeOf(replay, client.first);
    await expect(replay.next(final)).rejects.toEqual(refusal("nonce is not that of this exchange"));
  });

  it.each([
    ["cut", (nonce: string) => nonce.slice(0, -1)],
    ["longer", (nonce: string) => `${nonce}x`],
    ["the client's alone", () => "fyko+d2lbbFgONRv9qkxdawL"],
  ])("where the nonce that it gives back is %s", async (_, change) => {
    const [exchange, client] = [begin(), new ScramClient(pencil)];
    const final = client.final(await challengeOf(exchange, client.first)).toString();
    const changed = final.replace(/r=([^,]+)/, (_whole, nonce: string) => `r=${change(nonce)}`);
    await expect(exchange.next(Buffer.from(changed))).rejects.toEqual(refusal("nonce"));
  });

  it("where somebody on the way has changed its header", async () => {
    const [exchange, client] = [begin(), new ScramClient({ ...pencil, header: "y,," })];
    const final = client.final(await challengeOf(exchange, Buffer.from(`n,,${client.first.subarray(3)}`)));
    await expect(exchange.next(final)).rejects.toEqual(refusal("differ on channel binding"));
  });

  it.each([
    ["channel binding", "p=tls-unique,,n=user,r=abc", "channel binding"],
    ["an extension", "n,,m=x,n=user,r=abc", "extension"],
    ["to act for another", "n,a=root,n=user,r=abc", "another user"],
    ["a name of control characters", "n,,n=us\u0007er,r=abc", "printed"],
  ])("where it wants %s", async (_, first, text) => {
    await expect(begin().next(Buffer.from(first))).rejects.toEqual(refusal(text));
  });
});
