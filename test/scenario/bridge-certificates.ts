import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export const hasOpenssl = spawnSync("openssl", ["version"]).error === undefined;

/** Paths of PEM files. */
export interface Certificates {
  readonly ca: string;
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
}

/** An authority of its own in `directory`, and what it signed: a server at 127.0.0.1, and a client. */
export function makeCertificates(directory: string): Certificates {
  const at = (name: string) => join(directory, name);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const ca = { cert: at("ca.pem"), key: at("ca.key") };
  openssl("req", "-x509", ...newKey, "-subj", "/CN=authority", "-days", "2", "-keyout", ca.key, "-out", ca.cert);
  const signed = (name: string, extension: string) => {
    const pair = { cert: at(`${name}.pem`), key: at(`${name}.key`) };
    const request = at(`${name}.csr`);
    const extensions = at(`${name}.ext`);
    writeFileSync(extensions, `${extension}\n`);
    openssl("req", ...newKey, "-subj", `/CN=${name}`, "-keyout", pair.key, "-out", request);
    const authority = ["-CA", ca.cert, "-CAkey", ca.key, "-CAcreateserial", "-days", "2", "-extfile", extensions];
    openssl("x509", "-req", "-in", request, ...authority, "-out", pair.cert);
    return pair;
  };
  const server = signed("server", "subjectAltName=IP:127.0.0.1");
  const client = signed("client", "extendedKeyUsage=clientAuth");
  return { ca: ca.cert, server, client };
}

function openssl(...args: string[]): void {
  const { status, stderr } = spawnSync("openssl", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
}
