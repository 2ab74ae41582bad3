import type { Client, PublishFrom, PublishPacket } from "../broker/edge-broker.ts";
import { PublishProperties } from "../protocol/publish-properties.ts";
import type { StoredWill } from "../store/stored-packets.ts";
import { keepsNothing } from "../topic/address.ts";
import { WaypostError } from "../waypost-error.ts";
import type { DeviceContext } from "./device-context.ts";

/**
 * The wills of clients whose connection has ended: published at once [MQTT-3.1.2-8], or, where the client asked for that
 * and its session lives on, after a delay, unless it is back by then [MQTT-3.1.3-9].
 */
export class Wills {
  readonly #context: DeviceContext;
  readonly #delayed = new Map<string, StoredWill & { dueAt: number }>();

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  /** The connection ended. `client` is who publishes; `endsAt`: when its session ends, in milliseconds since the Unix epoch. */
  connectionEnded(client: Client, will: StoredWill, endsAt: number): void {
    const { clock, broker } = this.#context;
    const now = clock.now();
    const dueAt = Math.min(now + (will.delaySeconds ?? 0) * 1000, endsAt);
    if (dueAt <= now) return this.#publish(client, will);
    const delayed = { ...will, dueAt };
    this.#delayed.set(client.id, delayed);
    broker.store.putWill(client, delayed).then(
      () => {},
      (error) => this.#notNoted(client.id, error),
    );
  }

  /** The client is back in its session, or the session has a new will. Returns what takes that back. */
  cancel(id: string): () => void {
    const will = this.#delayed.get(id);
    this.#delayed.delete(id);
    return () => {
      if (will !== undefined) this.#delayed.set(id, will);
    };
  }

  /** [MQTT-3.1.2-10] of MQTT 5: the will is due when the session ends, if not before. */
  sessionEnded(id: string): void {
    const will = this.#delayed.get(id);
    if (will === undefined) return;
    this.#delayed.delete(id);
    this.#publish(strangerCalled(id), will);
  }

  /** Publishes those that are due. */
  refresh(): void {
    if (this.#delayed.size === 0) return;
    const now = this.#context.clock.now();
    for (const [id, will] of this.#delayed) if (will.dueAt <= now) this.sessionEnded(id);
  }

  /** The clock was set: nobody has been away for that long. */
  clockJumped(ms: number): void {
    for (const will of this.#delayed.values()) will.dueAt += ms;
  }

  /** At the start: what clients left behind that were connected when the gateway died, or whose wills were waiting then. */
  async revive(hasSession: (id: string) => boolean): Promise<void> {
    const { broker, clock, log } = this.#context;
    const wills: StoredWill[] = await broker.store.streamWill().toArray();
    for (const will of wills) {
      const id = will.clientId ?? "";
      const now = clock.now();
      const dueAt = will.dueAt ?? now + (will.delaySeconds ?? 0) * 1000;
      if (dueAt > now && hasSession(id)) {
        const delayed = { ...will, dueAt };
        this.#delayed.set(id, delayed);
        if (will.dueAt === undefined) await broker.store.unlessFailing(broker.store.putWill({ id }, delayed));
        continue;
      }
      this.#publish(strangerCalled(id), will);
      log.info(
        { device: id, topic: will.topic },
        "published the will of a device that was away when the gateway started",
      );
    }
  }

  /** There is none in the store any more: what is there may be that of a successor, which sees to it itself. */
  forget(client: Pick<Client, "id">): void {
    const { broker } = this.#context;
    const holder: unknown = broker.clients[client.id];
    if (holder !== undefined && holder !== client) return;
    const delayed = this.#delayed.get(client.id);
    const { store } = broker;
    const noted: PromiseLike<unknown> = delayed === undefined ? store.delWill(client) : store.putWill(client, delayed);
    noted.then(
      () => {},
      (error) => this.#notNoted(client.id, error),
    );
  }

  /** A will is authorised when it is published, like any other message. */
  #publish(client: Client, { topic, payload, qos, retain, properties: came }: StoredWill): void {
    const { broker, log } = this.#context;
    const { id } = client;
    const refused = (error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ device: id, topic }, `the will was not published: ${reason}`);
    };
    const isRetained = retain && !keepsNothing(topic);
    const packet = { cmd: "publish", topic, payload, qos, retain: isRetained, dup: false } as PublishPacket;
    const shown: { properties?: object | undefined } = packet;
    if (came !== undefined) shown.properties = came.toObject();
    // A hook that throws here would take along whoever closed the connection: a timer, the stream, or its successor.
    try {
      broker.authorizePublish(client, packet, (error) => {
        // In one turn, so that both get to the disk together; who waits for the message need not be waited for here.
        this.forget(client);
        if (error) return refused(error);
        if (came !== undefined) shown.properties = PublishProperties.afterHook(came, shown.properties);
        (broker.publish as unknown as PublishFrom).call(
          broker,
          packet,
          client,
          (failure) => failure && refused(failure),
        );
      });
    } catch (error) {
      this.forget(client);
      refused(error);
    }
  }

  #notNoted(id: string, error: unknown): void {
    const text = "the store could not note what became of a will";
    this.#context.log.error({ device: id, error: error instanceof WaypostError ? error.message : error }, text);
  }
}

/** A client that is not connected. */
function strangerCalled(id: string): Client {
  return Object.assign(Object.create(null), { id }) as Client;
}
