import { join } from "node:path";

/** The part of the configuration that says where the control socket is. */
export interface ControlPlace {
  readonly control: { readonly enabled: boolean; readonly path: string };
  readonly store: { readonly engine: string; readonly directory: string };
}

/** Where a gateway of this configuration has its control socket; null where it has none. */
export function controlPath({ control, store }: ControlPlace): string | null {
  if (!control.enabled) return null;
  if (control.path !== "") return control.path;
  return store.engine === "memory" ? null : join(store.directory, "control.sock");
}
