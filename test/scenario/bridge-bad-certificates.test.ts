import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TlsOptions } from "node:tls";
import { beforeAll, describe, expect, it } from "vitest";
import { politely, ScriptedUpstream } from "../support/scripted-upstream.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { BridgeBadHouse } from "./bridge-bad-house.ts";

const hasOpenssl = spawnSync("openssl", ["version"]).error === undefined;
const directory = temporaryDirectory();
const at = (name: string) => join(directory, name);

function openssl(...args: string[]): void {
  const { status, stderr } = spawnSync("openssl", args, { encoding: "utf8" });
  expect(status, `openssl ${args.join(" ")}: ${stderr}`).toBe(0);
}

/** `<name>.pem` and `<name>.key`. Without an authority it is one, self-signed. */
function make(name: string, { by = "", subject = name, extension = "", days = 2 } = {}): void {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", at(`${name}.key`)];
  const request = ["req", ...key, "-subj", `/CN=${subject}`];
  if (by === "") return openssl(...request, "-x509", "-days", `${days}`, "-out", at(`${name}.pem`));
  openssl(...request, "-out", at(`${name}.csr`));
  writeFileSync(at(`${name}.ext`), `${extension}\n`);
  const authority = ["-CA", at(`${by}.pem`), "-CAkey", at(`${by}.key`), "-CAcreateserial", "-days", `${days}`];
  const paths = ["-in", at(`${name}.csr`), "-extfile", at(`${name}.ext`), "-out", at(`${name}.pem`)];
  openssl("x509", "-req", ...authority, ...paths);
}

const pair = (name: string) => ({ cert: readFileSync(at(`${name}.pem`)), key: readFileSync(at(`${name}.key`)) });

/** A bridge over TLS to an upstream that shows the certificate of this name. */
async function secured(name: string, { tls = {}, server = {} }: { tls?: object; server?: TlsOptions } = {}) {
  const upstream = await ScriptedUpstream.start(politely, { ...pair(name), ...server });
  const url = `mqtts://127.0.0.1:${upstream.port}`;
  const house = await BridgeBadHouse.build(politely, { url, tls: { ca: at("authority.pem"), ...tls } });
  return { house, upstream };
}

describe.skipIf(!hasOpenssl)("a bridge to an upstream with a certificate", () => {
  beforeAll(() => {
    const extension = "subjectAltName=IP:127.0.0.1";
    make("authority");
    make("other-authority");
    make("good", { by: "authority", extension });
    make("self-signed", { subject: "127.0.0.1" });
    make("stranger", { by: "other-authority", extension });
    make("other-name", { by: "authority", extension: "subjectAltName=DNS:other.example" });
    make("expired", { by: "authority", extension, days: -1 });
    make("client", { by: "authority", extension: "extendedKeyUsage=clientAuth" });
    make("other-client", { by: "other-authority", extension: "extendedKeyUsage=clientAuth" });
  });

  it.each([
    ["that is self-signed", "self-signed", /self-signed: name it, or the authority that signed it, in tls\.ca/],
    ["of an authority that it does not know", "stranger", /authority that is not known here: name that in tls\.ca/],
    ["for another name", "other-name", /for another name: set tls\.serverName, or correct the url/],
    ["that has expired", "expired", /has expired, or the clock of this machine is wrong/],
  ])("%s does not connect, backs off, and says once what to do", async (_, name, line) => {
    const { house, upstream } = await secured(name);
    await house.withstands(line, 3);
    expect(house.complaints[0]).toContain(`mqtts://127.0.0.1:${upstream.port}`);
    expect(upstream.messages).toEqual([]);
  });

  it("connects where the certificate is what it should be, and where it is told not to look at it", async () => {
    const { house } = await secured("good");
    await house.reconnected();
    const { house: other } = await secured("self-signed", { tls: { verify: false } });
    await other.reconnected();
    const { house: named } = await secured("other-name", { tls: { serverName: "other.example" } });
    await named.reconnected();
    expect([...house.complaints, ...other.complaints, ...named.complaints]).toEqual([]);
  });

  it.each([
    ["has none", {}, /wants a client certificate: set tls\.cert and tls\.key/],
    [
      "has that of another authority",
      { cert: "other-client.pem", key: "other-client.key" },
      /closed the connection|cut the connection|certificate/,
    ],
  ])("that asks for the bridge's own is not connected to where that %s", async (_, own, line) => {
    const server = { requestCert: true, rejectUnauthorized: true, ca: readFileSync(at("authority.pem")) };
    const tls = Object.fromEntries(Object.entries(own).map(([key, name]) => [key, at(name as string)]));
    const { house, upstream } = await secured("good", { tls, server });
    await house.withstands(line, 3);
    expect(upstream.messages).toEqual([]);
  });

  it.each([
    ["is missing", "missing.pem", "client.key", /tls\.cert cannot be read: .*missing\.pem/],
    ["is no certificate", "client.key", "client.key", /tls|PEM|certificate/i],
    ["has another key", "client.pem", "good.key", /key/i],
  ])("tells which file of its own %s, and tries again", async (_, cert, key, line) => {
    const { house } = await secured("good", { tls: { cert: at(cert), key: at(key) } });
    await house.withstands(line, 3);
    expect(house.complaints[0]).toContain("mqtts://127.0.0.1");
  });
});

describe("a bridge that speaks TLS to one who does not, or the other way round", () => {
  it("says that there is no TLS on that port", async () => {
    const plain = await ScriptedUpstream.start();
    plain.opened = (peer) => peer.socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    const house = await BridgeBadHouse.build(politely, { url: `mqtts://127.0.0.1:${plain.port}` });
    await house.withstands(/speaks no TLS on that port: use mqtt or ws in the url/, 3);
    expect(house.complaints[0]).not.toContain("\n");
  });

  it.skipIf(!hasOpenssl)("does not connect to a TLS port in plain MQTT", async () => {
    const { cert, key } = pair("good");
    const tls = await ScriptedUpstream.start(politely, { cert, key });
    const house = await BridgeBadHouse.build(politely, { url: tls.url });
    await house.withstands(/not connected: .*mqtt:\/\/127|closed the connection|cut the connection|TLS/, 3);
    expect(tls.messages).toEqual([]);
  });
});
