// Writes what is derived from the schema into config/: `npm run schema`, from the root of the repository.
import { writeFileSync } from "node:fs";
import { configJsonSchema } from "./json-schema.ts";
import { configReference } from "./reference.ts";

writeFileSync("config/waypost.schema.json", `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
writeFileSync("config/README.md", configReference());
