import { isStoreDocument, type MessageDocument, type StoreDocument } from "./documents.ts";

/** Messages in one line of a file. NeDB takes some 8 us for each document and 1 us for what is in it. */
const MESSAGES_MAX = 16;

type Packed = [
  n: number,
  at: number,
  q: number,
  t: string,
  p: string,
  to: string | string[],
  o: string | null,
  rest?: Partial<MessageDocument>,
];

/** How several messages stand in one line. */
export interface PackedDocument {
  k: "msgs";
  of: Packed[];
}

/** The documents as they are written: messages that follow one another are one document. */
export function packed(documents: readonly StoreDocument[]): (StoreDocument | PackedDocument)[] {
  const result: (StoreDocument | PackedDocument)[] = [];
  let open: PackedDocument | null = null;
  for (const document of documents) {
    if (document.k !== "msg") {
      open = null;
      result.push(document);
      continue;
    }
    if (open === null || open.of.length === MESSAGES_MAX) {
      open = { k: "msgs", of: [] };
      result.push(open);
    }
    open.of.push(pack(document));
  }
  return result;
}

/** The documents of one line, parsed; undefined where it is not what this store writes. */
export function unpacked(line: unknown): StoreDocument[] | undefined {
  if ((line as PackedDocument | null)?.k !== "msgs") return isStoreDocument(line) ? [line] : undefined;
  const { of } = line as PackedDocument;
  if (!Array.isArray(of) || !of.every(Array.isArray)) return undefined;
  const documents = of.map(unpack);
  return documents.every(isStoreDocument) ? documents : undefined;
}

function pack({ n, at, q, t, p, to, o, b, r, x, to1, sent }: MessageDocument): Packed {
  const only = to.length === 1 ? (to[0] as string) : to;
  const packed: Packed = [n, at, q, t, p, only, o ?? null];
  if (b === undefined && r === undefined && x === undefined && to1 === undefined && sent === undefined) return packed;
  const rest = Object.entries({ b, r, x, to1, sent }).filter(([, value]) => value !== undefined);
  packed.push(Object.fromEntries(rest));
  return packed;
}

function unpack([n, at, q, t, p, to, o, rest]: Packed): MessageDocument {
  const document = { k: "msg", n, at, q, t, p, to: typeof to === "string" ? [to] : to, ...rest } as MessageDocument;
  if (o !== null) document.o = o;
  return document;
}
