import { createRequire } from "node:module";
import { describe } from "vitest";
import { MemoryStore } from "../../src/store/memory-store.ts";
import { deliveryContract } from "./delivery-contract.ts";
import { nodeTest } from "./node-test-context.ts";
import { storeContract } from "./store-contract.ts";

const abstractPersistence = createRequire(import.meta.url)("aedes-persistence/abstract.js");

describe("MemoryStore keeps the contract of aedes-persistence", () => {
  abstractPersistence({ test: nodeTest(), persistence: () => new MemoryStore(), testAsync: true });
});

storeContract("MemoryStore", async (clock) => new MemoryStore({ clock }));
deliveryContract("MemoryStore", () => new MemoryStore());
