export { EdgeBroker } from "./broker/edge-broker.ts";
export { loadConfig } from "./config/load.ts";
export { createBroker } from "./create-broker.ts";
export { Gateway } from "./gateway.ts";
export { createLog, silentLog } from "./log.ts";
export { WaypostError } from "./waypost-error.ts";
