import type { MqttClient } from "mqtt";
import { reasonWords } from "./reason-words.ts";

/** What the gateway said by DISCONNECT, with MQTT 5, before it closed a connection. */
export class LastWords {
  #code: number | undefined;
  #words: string | undefined;

  constructor(client: MqttClient) {
    client.on("disconnect", ({ reasonCode = 0, properties }) => {
      this.#code = reasonCode;
      if (reasonCode > 0) this.#words = reasonWords(reasonCode, properties);
    });
    client.on("connect", () => {
      this.#code = undefined;
      this.#words = undefined;
    });
  }

  /** The reason code; undefined if it said nothing. */
  get code(): number | undefined {
    return this.#code;
  }

  /** To stand behind "closed the connection"; empty if it gave no reason. */
  get text(): string {
    return this.#words === undefined ? "" : `, ${this.#words}`;
  }
}
