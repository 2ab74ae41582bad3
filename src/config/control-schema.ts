import { flag, section, text } from "./fields.ts";

/** The room for a path in the address of a Unix domain socket of Linux, less the zero byte at its end. */
const pathBytesMax = 107;
const mustBe = `the path of a socket of at most ${pathBytesMax} bytes`;

export const controlSection = section(
  "The control socket, a Unix domain socket over which commands such as `waypost queues` reach the running gateway. Only the user who started the gateway can use it.",
  {
    enabled: flag({ doc: "Whether the gateway opens the control socket.", default: true }),
    path: text({
      doc: "File of the socket, relative to the working directory of the gateway. Empty, it is control.sock in store.directory with the engine nedb, and there is none with the engine memory.",
      pattern: /^[^\p{Cc}]*$/u,
      mustBe,
      default: "",
    }).refine((path) => Buffer.byteLength(path) <= pathBytesMax, { error: `must be ${mustBe}` }),
  },
);
