import { flag, section, wholeNumber } from "./fields.ts";

export const protocolSection = section("What clients may use of MQTT. Clients of MQTT 5 are told what they may not.", {
  qosMax: wholeNumber({
    doc: "Highest QoS that subscriptions are granted, and that MQTT 5 clients may publish at.",
    min: 0,
    max: 2,
    default: 2,
  }),
  wildcardSubscriptions: flag({
    doc: "Whether MQTT 5 clients may subscribe with + and #.",
    default: true,
  }),
  sharedSubscriptions: flag({
    doc: "Whether clients may share subscriptions, as $share/<group>/<filter>.",
    default: true,
  }),
  subscriptionIdentifiers: flag({
    doc: "Whether MQTT 5 clients may give their subscriptions identifiers.",
    default: true,
  }),
  topicAliasesMax: wholeNumber({
    doc: "Topic aliases of one MQTT 5 connection, in each direction; 0 is none.",
    unit: "aliases",
    min: 0,
    max: 1000,
    default: 32,
  }),
  payloadFormatChecked: flag({
    doc: "Whether a message whose publisher says that it is text is refused where its payload is not UTF-8.",
    default: false,
  }),
});
