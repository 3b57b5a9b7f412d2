/**
 * A real network that loses: a relay between the programs, on sockets of its own.
 *
 * @module
 */
import { Network, type NetworkConditions } from "../laboratory/network.ts";
import { seededRandom } from "../laboratory/random.ts";

/** How a {@linkcode Relay} works. */
export interface RelayOptions {
  /** Port of the server on this machine. */
  readonly port: number;
  /** The fate of the datagrams, both ways. */
  readonly conditions: NetworkConditions;
  /** The seed of their fates. */
  readonly seed: number;
  /** Sees every datagram that comes in, and where it is to go. */
  readonly onDatagram?: (datagram: Uint8Array, to: Deno.NetAddr) => void;
  /** Which datagrams are lost besides. */
  readonly isLost?: (datagram: Uint8Array) => boolean;
}

/** The port of a client towards its server. */
interface Back {
  readonly socket: Deno.DatagramConn;
  readonly server: Deno.NetAddr;
}

interface Parcel {
  readonly datagram: Uint8Array;
  readonly through: Deno.DatagramConn;
  readonly to: Deno.NetAddr;
}

/** Passes datagrams on to a server, and its replies back to each client. */
export class Relay implements AsyncDisposable {
  /** Datagrams that came in. */
  datagrams = 0;
  /** Datagrams that were lost. */
  lost = 0;
  #server: Deno.NetAddr;
  readonly #network: Network<Parcel>;
  readonly #front = bind();
  readonly #backs = new Map<string, Back>();
  readonly #loops: Promise<void>[] = [];
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #onDatagram: (datagram: Uint8Array, to: Deno.NetAddr) => void;

  readonly #isLost: (datagram: Uint8Array) => boolean;

  constructor(options: RelayOptions) {
    const { port, conditions, seed, onDatagram = () => {}, isLost = () => false } = options;
    this.#onDatagram = onDatagram;
    this.#isLost = isLost;
    this.#server = serverAt(port);
    this.#network = new Network(conditions, seededRandom(seed));
    this.#loops.push(this.#receive(this.#front, (datagram, from) => {
      const { socket, server } = this.#backOf(from);
      this.#forward({ datagram, through: socket, to: server });
    }));
  }

  /** The port that clients connect to. */
  get port(): number {
    return (this.#front.addr as Deno.NetAddr).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#front.close();
    for (const { socket } of this.#backs.values()) socket.close();
    await Promise.all(this.#loops);
  }

  /** Gives every client a new port towards the server, as a NAT does that has forgotten them. */
  forgetPorts(): void {
    for (const { socket } of this.#backs.values()) socket.close();
    this.#backs.clear();
  }

  /** Passes all on to another server from now on, as if that had taken the place of the first. */
  redirect(port: number): void {
    this.#server = serverAt(port);
    this.forgetPorts();
  }

  /** Passes on to another server what comes from new ports of clients, as a balancer does. */
  redirectNew(port: number): void {
    this.#server = serverAt(port);
  }

  #backOf(client: Deno.NetAddr): Back {
    const known = this.#backs.get(String(client.port));
    if (known !== undefined) return known;
    const back = { socket: bind(), server: this.#server };
    this.#backs.set(String(client.port), back);
    this.#loops.push(this.#receive(back.socket, (datagram) => {
      this.#forward({ datagram, through: this.#front, to: client });
    }));
    return back;
  }

  #forward(parcel: Parcel): void {
    this.datagrams++;
    this.#onDatagram(parcel.datagram, parcel.to);
    if (this.#isLost(parcel.datagram)) {
      this.lost++;
      return;
    }
    const now = performance.now();
    const { arrivals } = this.#network.send(parcel, now);
    if (arrivals.length === 0) this.lost++;
    for (const at of arrivals) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        for (const { datagram, through, to } of this.#network.arrivals(at)) {
          through.send(datagram, to).catch(() => {});
        }
      }, at - now);
      this.#timers.add(timer);
    }
  }

  async #receive(
    socket: Deno.DatagramConn,
    take: (datagram: Uint8Array, from: Deno.NetAddr) => void,
  ): Promise<void> {
    for await (const [datagram, from] of socket) take(datagram.slice(), from as Deno.NetAddr);
  }
}

function serverAt(port: number): Deno.NetAddr {
  return { transport: "udp", hostname: "127.0.0.1", port };
}

function bind(): Deno.DatagramConn {
  return Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
}
