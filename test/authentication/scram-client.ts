import { createHash, createHmac, pbkdf2Sync } from "node:crypto";

export interface ScramClientOptions {
  readonly username: string;
  readonly password: string;
  readonly nonce?: string;
  readonly header?: string;
}

/** The client's side of SCRAM-SHA-256, written from RFC 5802 and by nothing of the server's side. */
export class ScramClient {
  readonly first: Buffer;
  readonly #password: string;
  readonly #header: string;
  readonly #bare: string;
  #serverSignature = "";

  constructor({ username, password, nonce = "fyko+d2lbbFgONRv9qkxdawL", header = "n,," }: ScramClientOptions) {
    this.#password = password;
    this.#header = header;
    this.#bare = `n=${username.replaceAll("=", "=3D").replaceAll(",", "=2C")},r=${nonce}`;
    this.first = Buffer.from(header + this.#bare);
  }

  final(challenge: Buffer): Buffer {
    const serverFirst = challenge.toString();
    const [, nonce = "", salt = "", iterations = ""] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst) ?? [];
    const salted = pbkdf2Sync(this.#password, Buffer.from(salt, "base64"), Number(iterations), 32, "sha256");
    const hmac = (key: Buffer, text: string) => createHmac("sha256", key).update(text).digest();
    const clientKey = hmac(salted, "Client Key");
    const withoutProof = `c=${Buffer.from(this.#header).toString("base64")},r=${nonce}`;
    const message = `${this.#bare},${serverFirst},${withoutProof}`;
    const signature = hmac(createHash("sha256").update(clientKey).digest(), message);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
    this.#serverSignature = hmac(hmac(salted, "Server Key"), message).toString("base64");
    return Buffer.from(`${withoutProof},p=${proof.toString("base64")}`);
  }

  /** What the server must say in the end to be trusted. */
  get expected(): string {
    return `v=${this.#serverSignature}`;
  }
}
