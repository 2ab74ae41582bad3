import type { IClientSubscribeOptions, IPublishPacket, MqttClient } from "mqtt";
import type { CommandContext } from "../command/command-context.ts";
import { exitCodes } from "../command/exit-code.ts";
import { usageError } from "../command/usage-error.ts";
import { filterMistake } from "../topic/topic-rules.ts";
import { WaypostError } from "../waypost-error.ts";
import { type ClientFlags, type ClientPlan, planClient, qosOf, wholeNumberOf } from "./client-options.ts";
import { LastWords } from "./last-words.ts";
import { closeClient, openClient } from "./open-client.ts";
import { propertyLines } from "./property-lines.ts";
import { type ReasonDetails, reasonWords } from "./reason-words.ts";
import { resolveAliases } from "./resolve-aliases.ts";

export interface SubFlags extends ClientFlags {
  readonly topic?: readonly string[];
  readonly verbose?: boolean;
  /** -C */
  readonly count?: string;
  /** -W */
  readonly timeout?: string;
  readonly properties?: boolean;
}

interface SubPlan extends ClientPlan {
  readonly filters: readonly string[];
  readonly qos: 0 | 1 | 2;
  readonly countMax: number;
  readonly timeoutSeconds: number | undefined;
  readonly isVerbose: boolean;
  readonly showsProperties: boolean;
}

/**
 * `waypost sub`: writes what it receives to standard output, one payload a line. Resolves to 0 after -C messages or a
 * signal, to 27 after -W seconds, as mosquitto_sub does. Errors: ERR_USAGE, or what went wrong with the gateway.
 */
export async function sub(flags: SubFlags, context: CommandContext): Promise<number> {
  const plan = planSub(flags);
  const ending = new Ending(context, plan.timeoutSeconds);
  try {
    // Lost connections are taken up again, as in mosquitto_sub; the first one must succeed.
    const opening = openClient(plan, { reconnectPeriod: 1000, resubscribe: true }, (client) =>
      printMessages(client, plan, context, ending),
    );
    const client = await Promise.race([opening, ending.code]);
    if (typeof client === "number") {
      opening.then(
        (late) => closeClient(late),
        () => {},
      );
      return client;
    }
    try {
      await Promise.race([subscribe(client, plan), ending.code]);
      return await Promise.race([ending.code, ending.problem]);
    } finally {
      ending.stop(); // before the connection closes, which is then no loss
      await closeClient(client, plan.properties.disconnect);
    }
  } finally {
    ending.stop();
  }
}

function planSub(flags: SubFlags): SubPlan {
  const plan = planClient(flags, "sub");
  const filters = [...(flags.topic ?? []), ...(plan.urlTopic === undefined ? [] : [plan.urlTopic])];
  if (filters.length === 0) throw usageError("-t is missing: a topic to subscribe to, wildcards + and # allowed");
  for (const filter of filters) {
    const mistake = filterMistake(filter);
    if (mistake !== undefined) throw usageError(`-t ${JSON.stringify(filter)} is no topic filter: ${mistake}`);
  }
  const showsProperties = flags.properties === true;
  if (showsProperties && plan.options.protocolVersion !== 5) {
    throw usageError("--properties is for MQTT 5 only: add -V 5");
  }
  return {
    ...plan,
    showsProperties,
    filters,
    qos: qosOf("-q", flags.qos ?? "0"),
    countMax: flags.count === undefined ? Number.POSITIVE_INFINITY : wholeNumberOf("-C", flags.count, 1, 4_294_967_295),
    timeoutSeconds: flags.timeout === undefined ? undefined : wholeNumberOf("-W", flags.timeout, 1, 2_000_000),
    isVerbose: flags.verbose === true,
  };
}

async function subscribe(client: MqttClient, { filters, qos, place, properties }: SubPlan): Promise<void> {
  const given = properties.subscribe;
  const options: IClientSubscribeOptions = { qos, ...(Object.keys(given).length === 0 ? {} : { properties: given }) };
  const lastWords = new LastWords(client);
  const lost = new Promise<never>((_, reject) => {
    client.once("close", () =>
      reject(
        new WaypostError("ERR_UPSTREAM", `${place} closed the connection${lastWords.text} instead of subscribing`),
      ),
    );
  });
  lost.catch(() => {});
  for (const filter of filters) {
    try {
      await Promise.race([client.subscribeAsync(filter, options), lost]);
    } catch (error) {
      if (error instanceof WaypostError) throw error;
      const text = `${place} refused the subscription to ${JSON.stringify(filter)}: ${whyRefused(error)}`;
      throw new WaypostError("ERR_NOT_AUTHORIZED", text, { cause: error });
    }
  }
}

function whyRefused(error: unknown): string {
  const { message, packet } = error as Error & { packet?: { granted?: number[]; properties?: ReasonDetails } };
  const code = packet?.granted?.[0];
  if (code === undefined) return message.toLowerCase();
  // The one refusal of MQTT 3, and the one of MQTT 5 that says as little.
  if (code === 0x80 && packet?.properties?.reasonString === undefined) return "its log says why";
  return reasonWords(code, packet?.properties);
}

/** Reasons to close a connection that will not go away by trying again: two clients with one id would do so for ever. */
const finalReasons: ReadonlySet<number> = new Set([0x87, 0x8e, 0x9c, 0x9d]);

function printMessages(client: MqttClient, plan: SubPlan, { stdout, stderr }: CommandContext, ending: Ending): void {
  let count = 0;
  let isUp = false;
  const lastWords = new LastWords(client);
  resolveAliases(client);
  client.on("connect", () => {
    isUp = true;
  });
  client.on("close", () => {
    if (isUp && !ending.isOver) {
      const text = `${plan.place} closed the connection${lastWords.text}`;
      if (finalReasons.has(lastWords.code ?? 0)) ending.fail(new WaypostError("ERR_UPSTREAM", text));
      else stderr.write(`waypost sub: ${text}, trying again every second\n`);
    }
    isUp = false;
  });
  // Not the event "message": this one waits for the callback, so that a slow reader of stdout holds up the gateway's
  // stream, not the memory of this process, and a message is acknowledged only after it was written.
  client.handleMessage = (packet, callback) => {
    if (count >= plan.countMax) return;
    count += 1;
    const done = () => {
      callback();
      if (count >= plan.countMax) ending.end(exitCodes.ok);
    };
    const line = lineOf(packet, plan.isVerbose);
    const isTaken = stdout.write(
      plan.showsProperties ? Buffer.concat([line, Buffer.from(propertyLines(packet))]) : line,
    );
    if (isTaken) done();
    else stdout.once("drain", done);
  };
}

/** As mosquitto_sub prints it: an empty payload is no line, or `topic (null)` with -v. */
function lineOf({ topic, payload }: IPublishPacket, isVerbose: boolean): Buffer {
  const bytes = Buffer.from(payload);
  if (!isVerbose) return bytes.length === 0 ? bytes : Buffer.concat([bytes, Buffer.from("\n")]);
  return Buffer.concat([
    Buffer.from(`${topic} `),
    bytes.length === 0 ? Buffer.from("(null)") : bytes,
    Buffer.from("\n"),
  ]);
}

/** The first of: enough messages, a signal, the time is over; or a problem that trying again does not solve. */
class Ending {
  readonly code: Promise<number>;
  readonly problem: Promise<never>;
  isOver = false;
  #resolve: (code: number) => void = () => {};
  #reject: (problem: WaypostError) => void = () => {};
  readonly #context: CommandContext;
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(context: CommandContext, timeoutSeconds: number | undefined) {
    this.#context = context;
    this.code = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.problem = new Promise((_, reject) => {
      this.#reject = reject;
    });
    // It may reject while nobody waits for it.
    this.problem.catch(() => {});
    context.signals.on("SIGINT", this.#onSignal);
    context.signals.on("SIGTERM", this.#onSignal);
    if (timeoutSeconds !== undefined) this.#timer = setTimeout(this.#onTimeout, timeoutSeconds * 1000);
  }

  end(code: number): void {
    this.isOver = true;
    this.#resolve(code);
  }

  fail(problem: WaypostError): void {
    this.isOver = true;
    this.#reject(problem);
  }

  stop(): void {
    this.isOver = true;
    clearTimeout(this.#timer);
    this.#context.signals.off("SIGINT", this.#onSignal);
    this.#context.signals.off("SIGTERM", this.#onSignal);
  }

  readonly #onSignal = () => this.end(exitCodes.ok);

  readonly #onTimeout = () => {
    this.#context.stderr.write("waypost sub: the time given with -W is over\n");
    this.end(exitCodes.timeout);
  };
}
