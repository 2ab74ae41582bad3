/**
 * What a PUBACK or PUBREC means: the message is on the disk and synced, or handed to the operating system (it survives
 * the end of the process and not that of the machine), or in memory only.
 */
export type Durability = "synced" | "written" | "memory";
