import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import mqttPacket, { type Packet } from "mqtt-packet";
import { onTestFinished, vi } from "vitest";

type Cmd = Packet["cmd"];
type PacketOf<C extends Cmd> = Extract<Packet, { cmd: C }>;
type Script = (packet: Packet, peer: UpstreamPeer) => void;
type ConnackProperties = NonNullable<PacketOf<"connack">["properties"]>;

/** One connection that a bridge has opened, seen from the upstream. */
export class UpstreamPeer {
  readonly socket: Socket;
  /** Every packet that came, in its order. */
  readonly packets: Packet[] = [];
  /** Every byte, also where it makes no packet. */
  bytesReceived = 0;
  version: 4 | 5 = 4;
  isClosed = false;

  constructor(socket: Socket, came: Script) {
    this.socket = socket;
    const parser = mqttPacket.parser();
    parser.on("packet", (packet: Packet) => {
      this.packets.push(packet);
      if (packet.cmd === "connect") this.version = packet.protocolVersion === 5 ? 5 : 4;
      came(packet, this);
    });
    parser.on("error", () => {});
    socket.on("data", (chunk) => {
      this.bytesReceived += chunk.length;
      parser.parse(chunk);
    });
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      this.isClosed = true;
    });
  }

  send(packet: Packet): void {
    if (!this.socket.destroyed) this.socket.write(mqttPacket.generate(packet, { protocolVersion: this.version }));
  }

  /** Hexadecimal text with any white space. */
  bytes(hex: string): void {
    this.socket.write(Buffer.from(hex.replaceAll(/\s/g, ""), "hex"));
  }

  accept(properties: ConnackProperties = {}, sessionPresent = false): void {
    this.send({ cmd: "connack", returnCode: 0, reasonCode: 0, sessionPresent, properties });
  }

  /** Those of one kind that came so far. */
  all<C extends Cmd>(cmd: C): PacketOf<C>[] {
    return this.packets.filter((packet): packet is PacketOf<C> => packet.cmd === cmd);
  }

  /** The packet of this kind that came as number `index`, as soon as it has. */
  async packet<C extends Cmd>(cmd: C, index = 0): Promise<PacketOf<C>> {
    await vi.waitUntil(() => this.all(cmd).length > index, patience);
    return this.all(cmd)[index] as PacketOf<C>;
  }

  async closed(): Promise<void> {
    await vi.waitUntil(() => this.isClosed, patience);
  }

  cut(): void {
    this.socket.destroy();
  }
}

/** How tests wait for what is not told by an event: asking again and again, up to a limit that only ends those that hang. */
export const patience = { timeout: 30_000, interval: 2 };

/** Answers as a proper server would. */
export const politely: Script = (packet, peer) => {
  switch (packet.cmd) {
    case "connect":
      return peer.accept();
    case "subscribe": {
      const granted = packet.subscriptions.map(({ qos }) => qos);
      return peer.send({ cmd: "suback", messageId: packet.messageId ?? 0, granted });
    }
    case "pingreq":
      return peer.send({ cmd: "pingresp" });
    case "publish":
      if (packet.qos === 0) return;
      return peer.send({ cmd: packet.qos === 1 ? "puback" : "pubrec", messageId: packet.messageId ?? 0 });
    case "pubrel":
      return peer.send({ cmd: "pubcomp", messageId: packet.messageId ?? 0 });
    default:
  }
};

/** As a proper server would, except for packets of these kinds: those are answered as given. */
export function politelyBut(special: { [C in Cmd]?: (packet: PacketOf<C>, peer: UpstreamPeer) => void }): Script {
  return (packet, peer) => {
    const answer = special[packet.cmd] as Script | undefined;
    (answer ?? politely)(packet, peer);
  };
}

/** An upstream that does as the test says, for what no proper broker does. */
export class ScriptedUpstream {
  readonly port: number;
  /** Every connection that was opened, in its order. */
  readonly peers: UpstreamPeer[] = [];
  script: Script;
  /** Called for each connection, before anything has come on it. */
  opened: (peer: UpstreamPeer) => void = () => {};

  private constructor(port: number, script: Script) {
    this.port = port;
    this.script = script;
  }

  /** It ends with the test. With `tls` it speaks no other than that. */
  static async start(script: Script = politely, tls?: TlsOptions): Promise<ScriptedUpstream> {
    const server = tls === undefined ? createServer() : createTlsServer(tls);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const upstream = new ScriptedUpstream(typeof address === "object" ? (address?.port ?? 0) : 0, script);
    server.on(tls === undefined ? "connection" : "secureConnection", (socket: Socket) => {
      const peer = new UpstreamPeer(socket, (packet, from) => upstream.script(packet, from));
      upstream.peers.push(peer);
      upstream.opened(peer);
    });
    onTestFinished(() => {
      for (const peer of upstream.peers) peer.cut();
      server.close();
    });
    return upstream;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  get latest(): UpstreamPeer | undefined {
    return this.peers.at(-1);
  }

  /** The connection that was opened as number `index`, as soon as it is. */
  async peer(index = 0): Promise<UpstreamPeer> {
    await vi.waitUntil(() => this.peers.length > index, patience);
    return this.peers[index] as UpstreamPeer;
  }

  /** Every message that came, on whatever connection. */
  get messages(): PacketOf<"publish">[] {
    return this.peers.flatMap((peer) => peer.all("publish"));
  }

  get payloads(): string[] {
    return this.messages.map(({ payload }) => payload.toString());
  }
}
