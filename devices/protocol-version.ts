/** As CONNECT says it [MQTT-3.1.2-1]: 4 is MQTT 3.1.1. */
export type ProtocolVersion = 4 | 5;

export const versionNames: Readonly<Record<ProtocolVersion, string>> = { 4: "3.1.1", 5: "5" };

/** What `--protocol` takes. */
export const protocols = ["3.1.1", "5", "mixed"] as const;
export type Protocol = (typeof protocols)[number];
