// aedes as it is, for comparison: `node bench/bare-aedes.js PORT`. JavaScript and unbundled, because that is how someone
// who embeds aedes runs it.
import { createServer } from "node:net";
import { Aedes } from "aedes";

const broker = await Aedes.createBroker();
createServer(broker.handle).listen(Number(process.argv[2]), "127.0.0.1");
