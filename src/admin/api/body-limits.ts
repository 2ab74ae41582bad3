/** Longest body of a request to the administration. */
export const bodyBytesMax = 8 * 1024 * 1024;

/** Longest payload of `POST /requests`: it travels as base64, beside which there is something else too. */
export const requestPayloadBytesMax = 6_000_000;
