import type { AuthenticationExchange, AuthenticationStep } from "../authentication/authentication-method.ts";
import { ConnectRefused, connackCode } from "../protocol/connect-refused.ts";
import type { AuthPacket } from "../protocol/control-packets.ts";
import type { Properties } from "../protocol/properties.ts";
import { reasonCode } from "../protocol/reason-code.ts";
import { WaypostError } from "../waypost-error.ts";
import type { Connection } from "./connection.ts";
import type { DeviceContext } from "./device-context.ts";

/** An exchange that waits for the client's next AUTH. */
interface Pending {
  readonly method: string;
  readonly next: (data: Buffer | undefined) => void;
}

/** Enhanced authentication (MQTT 5, 4.12): AUTH packets between CONNECT and CONNACK, and again while connected. */
export class Authentication {
  readonly #context: DeviceContext;
  readonly #pending = new WeakMap<Connection, Pending>();

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  /**
   * Runs the exchange that a CONNECT asks for; returns what goes into the CONNACK.
   * @throws ConnectRefused: 0x8C for a method that is not known [MQTT-4.12.0-1], else why the client is not let in
   */
  async begin(
    connection: Connection,
    { authenticationMethod: name = "", authenticationData }: Properties,
  ): Promise<object> {
    const method = this.#context.broker.authenticationMethods.get(name);
    if (method === undefined) {
      const why = `the authentication method ${JSON.stringify(name.slice(0, 100))} is not known here`;
      throw new ConnectRefused(connackCode.notAuthorized, why, { reasonCode: reasonCode.badAuthenticationMethod });
    }
    try {
      const { username, data } = await this.#exchange(connection, method.begin(), name, authenticationData);
      connection.authenticated = { method: name, username };
      return propertiesOf(name, data); // [MQTT-4.12.0-5]
    } catch (error) {
      if (!(error instanceof WaypostError) || error.code !== "ERR_NOT_AUTHORIZED") throw error;
      throw new ConnectRefused(connackCode.notAuthorized, error.message, { cause: error }); // [MQTT-4.12.0-4]
    }
  }

  /** AUTH before CONNACK. @throws ERR_PROTOCOL_VIOLATION where the gateway did not ask for one */
  continued(connection: Connection, { reasonCode: code, properties }: AuthPacket): void {
    const pending = this.#pending.get(connection);
    if (pending === undefined || code !== reasonCode.continueAuthentication) {
      throw new WaypostError("ERR_PROTOCOL_VIOLATION", "an AUTH that nothing asked for"); // [MQTT-4.12.0-6]
    }
    if (properties.authenticationMethod !== pending.method) {
      throw new WaypostError("ERR_PROTOCOL_VIOLATION", "the authentication method changed in the middle"); // [MQTT-4.12.0-5]
    }
    this.#pending.delete(connection);
    connection.suspend();
    pending.next(properties.authenticationData);
  }

  /** AUTH while connected: the client authenticates again, or goes on with that. @throws ERR_PROTOCOL_VIOLATION */
  again(connection: Connection, packet: AuthPacket): void {
    if (packet.reasonCode === reasonCode.continueAuthentication) return this.continued(connection, packet);
    const { authenticated } = connection;
    const { authenticationMethod: name, authenticationData } = packet.properties;
    const method = this.#context.broker.authenticationMethods.get(name ?? "");
    if (authenticated === null || method === undefined || name !== authenticated.method) {
      throw new WaypostError("ERR_PROTOCOL_VIOLATION", "authenticating again by another method than the first time"); // [MQTT-4.12.1-1]
    }
    if (this.#pending.has(connection)) {
      throw new WaypostError("ERR_PROTOCOL_VIOLATION", "authenticating again before the last time was through");
    }
    connection.suspend();
    this.#exchange(connection, method.begin(), name, authenticationData)
      .then(
        ({ username, data }) => {
          if (connection.closed) return;
          if (username !== authenticated.username) {
            const why = `authenticated again as another user than ${authenticated.username}`;
            return connection.fail(new WaypostError("ERR_NOT_AUTHORIZED", why));
          }
          const properties = propertiesOf(name, data);
          connection.sendControlPacket({ cmd: "auth", reasonCode: reasonCode.success, properties });
          connection.resume();
        },
        (error) => connection.fail(error), // [MQTT-4.12.1-2]
      )
      .catch((error) => connection.fail(error));
  }

  /** The connection is not read while the method thinks, and is read while the client's answer is waited for. */
  async #exchange(
    connection: Connection,
    exchange: AuthenticationExchange,
    method: string,
    first: Buffer | undefined,
  ): Promise<AuthenticationStep & { done: true }> {
    let data = first;
    while (!connection.closed) {
      const step = await exchange.next(data);
      if (step.done) return step;
      if (connection.closed) break;
      const properties = propertiesOf(method, step.data);
      connection.sendControlPacket({ cmd: "auth", reasonCode: reasonCode.continueAuthentication, properties });
      data = await new Promise<Buffer | undefined>((next) => {
        this.#pending.set(connection, { method, next });
        connection.resume();
      });
    }
    throw new WaypostError("ERR_CLOSED", "the connection was closed while it was being authenticated");
  }
}

function propertiesOf(authenticationMethod: string, authenticationData: Buffer | undefined): object {
  return authenticationData === undefined ? { authenticationMethod } : { authenticationMethod, authenticationData };
}
