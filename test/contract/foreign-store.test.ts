import { createRequire } from "node:module";
import { type AedesPersistence, completeStore } from "../../src/store/foreign-store.ts";
import { deliveryContract } from "./delivery-contract.ts";

const AsyncPersistence = createRequire(import.meta.url)("aedes-persistence/asyncPersistence.js");

deliveryContract("A persistence that someone brings", () => completeStore(new AsyncPersistence() as AedesPersistence));
