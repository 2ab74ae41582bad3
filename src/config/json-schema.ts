import { inputSchema, type SchemaNode } from "./keys.ts";
import { defaultListeners } from "./schema.ts";
import { listenerNamePattern } from "./setting-name.ts";

/** The JSON Schema of a configuration file, from which editors complete and check it. */
export function configJsonSchema(): object {
  const schema = inputSchema();
  const listeners = schema.properties?.listeners;
  if (listeners !== undefined) {
    // The default listeners have a type without being given one, other names do not.
    const variants =
      typeof listeners.additionalProperties === "object" ? (listeners.additionalProperties.oneOf ?? []) : [];
    listeners.properties = Object.fromEntries(
      Object.entries(defaultListeners).map(([name, { type, port }]) => [
        name,
        defaultListener(name, type, port, variants),
      ]),
    );
    listeners.propertyNames = { type: "string", pattern: listenerNamePattern.source };
  }
  return withoutUnits({ ...schema, title: "Waypost configuration" }) as object;
}

function defaultListener(name: string, type: string, port: number, variants: readonly SchemaNode[]): SchemaNode {
  return {
    description: `The default listener ${name}: type ${type}, port ${port}, unless they are given.`,
    anyOf: variants.map((variant) => {
      const { required, ...rest } = structuredClone(variant);
      const isDefault = rest.properties?.type?.const === type;
      if (rest.properties?.type !== undefined && isDefault) rest.properties.type.default = type;
      if (rest.properties?.port !== undefined) rest.properties.port.default = port;
      return isDefault || required === undefined ? rest : { ...rest, required };
    }),
  };
}

/** Editors know no units: they go into the description; nor secrets. Empty maps as defaults say nothing. */
function withoutUnits(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutUnits);
  if (typeof node !== "object" || node === null) return node;
  const { unit, secret: _, ...rest } = node as SchemaNode;
  if (unit !== undefined && rest.description !== undefined) rest.description = `${rest.description} Unit: ${unit}.`;
  if (typeof rest.default === "object") delete rest.default;
  const entries = Object.entries(rest).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([key, value]) => [key, withoutUnits(value)]));
}
