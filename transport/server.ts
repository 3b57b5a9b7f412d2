/**
 * The server's public API: binds an answering endpoint to a socket, a clock and a handler.
 *
 * @module
 */
import { encodeText } from "./bytes.ts";
import { CodeRoom } from "./private/code_room.ts";
import { Listener, type ListenerEvent } from "./reliable/listener.ts";
import type { Address, Endpoint, Monitor } from "./endpoint.ts";
import { type ByeReason, MAX_NOTICE_BYTES } from "./reliable/packet.ts";
import { type EndReason, IDLE_TIMEOUT_MS } from "./reliable/session.ts";
import type { ForeignKind, Overload, ServerLimits } from "./limits.ts";
import { MAX_QUESTIONS, MAX_SESSIONS, MAX_SESSIONS_PER_ADDRESS } from "./limits.ts";
import type { Hmac } from "./reliable/retry_token.ts";
import type { TurnState } from "../protocol.ts";
import { bindUdp, type DatagramSocket, Driver, pause, RANDOMNESS } from "./driver.ts";
import { checkDuration, checkInteger, checkLimit, checkPort } from "./options.ts";
import { DEFAULT_HOSTNAME, DEFAULT_PORT } from "../protocol.ts";

/** Options of {@linkcode serve}. */
export interface ServeOptions {
  /** Address to bind, default {@linkcode DEFAULT_HOSTNAME}; `0.0.0.0` or `::` for all of them. */
  readonly hostname?: string;
  /** Port to bind, 0 to 65,535, default {@linkcode DEFAULT_PORT}; 0 takes any free one. */
  readonly port?: number;
  /** Shuts the server down when it is aborted. */
  readonly signal?: AbortSignal;
  /** Most clients at once, 1 to 1,000,000, default {@linkcode MAX_SESSIONS}. */
  readonly maxSessions?: number;
  /** Most clients at once at one IPv4 address or IPv6 /64, 1 to 1,000,000, default 250. */
  readonly maxSessionsPerAddress?: number;
  /** Most unanswered questions at once, 1 to 1,000,000, default 1,000; one more gets a bye. */
  readonly maxQuestions?: number;
  /** The first byte of every session id, 0 to 255, for a balancer in front of several servers. */
  readonly serverId?: number;
  /** Silence after which a client is gone, in ms, 1,000 to 86,400,000, default 75,000. */
  readonly idleTimeout?: number;
  /** Makes the room private: only clients with the same code, 4 characters or more, enter and can read along. */
  readonly code?: string;
  /** Wraps the socket: a bad network, a recorder. The monitor tells how the endpoint takes what passes. */
  readonly transport?: (socket: DatagramSocket, monitor: Monitor) => DatagramSocket;
  /** Called when a client has connected. */
  readonly onConnect?: (client: ClientInfo) => void;
  /** Called when a connected client is gone. */
  readonly onDisconnect?: (client: ClientInfo, reason: EndReason) => void;
  /** Called when limits were reached, every 10 s at most. */
  readonly onOverload?: (overload: Readonly<Overload>) => void;
  /** Called when a datagram of another kind came, for each kind every 10 s at most. */
  readonly onForeign?: (kind: ForeignKind, from: Deno.NetAddr) => void;
  /**
   * Called with an error of the handler, which ends that client's conversation, or of another of these
   * callbacks. By default the error is printed with `console.error`.
   */
  readonly onError?: (error: unknown, client?: ClientInfo) => void;
}

/** A client, for as long as its conversation lasts. */
export interface ClientInfo {
  /** Its number in the order of arrival, from 1. No other client of this server ever gets it. */
  readonly id: number;
  /** The name that it gave, as it came from the network: at most 40 bytes of UTF-8. */
  readonly name: string | undefined;
  /** Its last known address: it may move in mid-conversation. */
  readonly remoteAddr: Deno.NetAddr;
  /** Fires when the client is gone: it said bye, was silent for too long, or the server closed. */
  readonly signal: AbortSignal;
  /**
   * Tells the client something, out of turn. Notices are delivered one after another; of those that wait,
   * only the newest is kept.
   *
   * @param text At most 1,000 bytes of UTF-8.
   * @returns Whether it is on the client's machine: false if the client went first, if a newer notice took
   * its place, or in a plain conversation, which has no notices.
   * @throws {MessageTooLongError} If the text is too long. Nothing is sent.
   */
  notify(text: string): Promise<boolean>;
  /** Ends the conversation; the client is told that it was expelled, and may connect again. */
  expel(): void;
}

/** The context of a question. */
export interface QuestionInfo extends ClientInfo {
  /** The client, as `onConnect` got it. */
  readonly client: ClientInfo;
  /**
   * Tells the asker how many questions will be answered before this one.
   *
   * @throws {RangeError} If it is not an integer from 0 to 65,535.
   */
  setAhead(ahead: number): void;
}

/** Answers a question. An error that it throws ends that conversation. */
export type Handler = (question: string, info: QuestionInfo) => string | Promise<string>;

/** Options of {@linkcode Server.shutdown}. */
export interface ShutdownOptions {
  /**
   * Whether the clients connect again and ask again what is unanswered, at another server behind the same
   * balancer or the next at this address; by default, and in plain conversations, theirs end.
   */
  readonly handOver?: boolean;
}

/** A running server. */
export interface Server extends AsyncDisposable {
  /** The address and port that it is bound to. */
  readonly addr: Deno.NetAddr;
  /** Settles when the server has stopped. */
  readonly finished: Promise<void>;
  /**
   * Tells every client something, as `notify` of each does.
   *
   * @returns The clients that did not get it.
   * @throws {MessageTooLongError} If the text is too long. Nothing is sent.
   */
  notify(text: string): Promise<ClientInfo[]>;
  /** Lets no more clients in: they are told that the server closes. Those who are here go on. */
  turnAway(): void;
  /**
   * Delivers the answers under way for as long as acknowledgements come, tells every client that the server
   * closes, which takes {@linkcode SHUTDOWN_TIMEOUT_MS} at most, and stops.
   *
   * @returns The number of answers that may not have arrived. A plain server never knows.
   */
  shutdown(options?: ShutdownOptions): Promise<{ readonly unconfirmed: number }>;
}

/**
 * Answers questions over UDP, as `Deno.serve` answers requests. Each client asks one question at a
 * time; those of several clients are handled concurrently.
 *
 * @example
 * ```ts
 * import { serve } from "@pyr/preguntas";
 *
 * const server = serve({ hostname: "127.0.0.1", port: 12000 }, (question, info) => {
 *   return `${info.remoteAddr.hostname} asked "${question}"`;
 * });
 * await server.finished;
 * ```
 *
 * @throws {RangeError} If an option is out of bounds.
 * @throws {Deno.errors.AddrInUse} If the port is taken, among other errors of the platform.
 */
export function serve(options: ServeOptions, handler: Handler): Server {
  const { code, maxSessionsPerAddress = MAX_SESSIONS_PER_ADDRESS, serverId } = options;
  const room = code === undefined ? undefined : new CodeRoom(code);
  let hmac: Hmac;
  const hmacReady = loadHmac().then((loaded) => hmac = loaded);
  const endpoint = new Listener({
    ...serverLimits(options),
    maxSessionsPerAddress: checkLimit("maxSessionsPerAddress", maxSessionsPerAddress),
    ...(serverId !== undefined && { serverId: checkInteger("serverId", serverId, 0, 255) }),
    hmac: (key, data) => hmac(key, data),
    ...RANDOMNESS,
    ...(room && { room }),
  });
  return new RunningServer(options, handler, endpoint, Promise.all([hmacReady, room?.ready]));
}

/** The limits that every server has, with their defaults, or a `RangeError`. */
export function serverLimits(options: Partial<ServerLimits>): ServerLimits {
  return {
    maxSessions: checkLimit("maxSessions", options.maxSessions ?? MAX_SESSIONS),
    maxQuestions: checkLimit("maxQuestions", options.maxQuestions ?? MAX_QUESTIONS),
    idleTimeout: checkDuration("idleTimeout", options.idleTimeout ?? IDLE_TIMEOUT_MS),
  };
}

/** A client as its endpoint knows it. */
export interface Peer {
  /** Its last known address. */
  readonly address: Address;
  /** Whose move it is. */
  readonly turn: TurnState;
  /** The name that it gave. */
  readonly name?: string | undefined;
  /** The driver's own data. */
  attachment: unknown;
}

/** An endpoint that answers many clients. */
export interface AnsweringEndpoint extends Endpoint<ListenerEvent<Peer>> {
  /** The clients in memory. */
  readonly sessions: Iterable<Peer>;
  readonly size: number;
  answer(client: Peer, answer: Uint8Array, now: number): void;
  /** Tells a client how many questions are answered before its own. A plain endpoint cannot. */
  setAhead?(client: Peer, ahead: number, now: number): void;
  /** Tells a client something. A plain endpoint cannot. */
  notify?(client: Peer, text: Uint8Array, now: number): void;
  /** Admits no more clients. A plain endpoint has no door. */
  turnAway?(): void;
  bye(client: Peer, reason: ByeReason, now: number): void;
  /** Admits no more clients, and says bye to all. */
  close(now: number, reason: "closing" | "moved"): void;
}

/** A server over a socket, with or without the reliable protocol. */
export class RunningServer implements Server {
  readonly addr: Deno.NetAddr;
  readonly finished: Promise<void>;
  readonly #options: ServeOptions;
  readonly #handler: Handler;
  readonly #endpoint: AnsweringEndpoint;
  readonly #driver: Driver<ListenerEvent<Peer>>;
  readonly #drained = Promise.withResolvers<number>();
  readonly #onAbort = () => void this.shutdown();
  readonly #update = () => this.#driver.update();
  #shutdown: Promise<{ unconfirmed: number }> | undefined;
  #lastId = 0;

  /** Binds the socket, and starts. Nothing is received before `ready` resolves. */
  constructor(
    options: ServeOptions,
    handler: Handler,
    endpoint: AnsweringEndpoint,
    ready?: Promise<unknown>,
  ) {
    const { hostname = DEFAULT_HOSTNAME, port = DEFAULT_PORT, signal } = options;
    this.#options = options;
    this.#handler = handler;
    this.#endpoint = endpoint;
    const socket = bindUdp({ hostname, port: checkPort(port, 0) }, endpoint.maxDatagramBytes);
    this.addr = toNetAddr(socket.address);
    this.#driver = new Driver({
      open: () => options.transport?.(socket, endpoint) ?? socket,
      endpoint,
      onEvent: (event) => this.#handle(event),
      ...(ready && { ready }),
    });
    this.finished = this.#driver.finished;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (signal?.aborted) this.shutdown();
  }

  async notify(text: string): Promise<ClientInfo[]> {
    const clients = Array.from(this.#endpoint.sessions, clientOf).filter((it) => it !== undefined);
    const isTold = await Promise.all(clients.map((client) => client.notify(text)));
    return clients.filter((_, i) => !isTold[i]);
  }

  turnAway(): void {
    this.#endpoint.turnAway?.();
  }

  shutdown({ handOver = false }: ShutdownOptions = {}): Promise<{ unconfirmed: number }> {
    return this.#shutdown ??= this.#close(handOver ? "moved" : "closing");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #close(reason: "closing" | "moved"): Promise<{ unconfirmed: number }> {
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    // Answers that handlers have given by now are still on their way into the endpoint.
    await pause();
    this.#endpoint.close(Driver.now(), reason);
    this.#driver.update();
    const unconfirmed = this.#endpoint.size > 0 ? await this.#drained.promise : 0;
    for (const session of this.#endpoint.sessions) clientOf(session)?.end();
    await this.#driver.close();
    return { unconfirmed };
  }

  #handle(event: ListenerEvent<Peer>): void {
    switch (event.type) {
      case "connected": {
        const { session } = event;
        const client = new Client(++this.#lastId, session, this.#endpoint, this.#update);
        session.attachment = client;
        this.#call(() => this.#options.onConnect?.(client), client);
        break;
      }
      case "question":
        this.#answer(clientOf(event.session)!, event.text);
        break;
      case "ended": {
        const client = clientOf(event.session)!;
        client.end();
        this.#call(() => this.#options.onDisconnect?.(client, event.reason), client);
        break;
      }
      case "overload":
        this.#call(() => this.#options.onOverload?.(event.overload));
        break;
      case "foreign":
        this.#call(() => this.#options.onForeign?.(event.kind, toNetAddr(event.from)));
        break;
      case "drained":
        this.#drained.resolve(event.unconfirmed);
        break;
      case "noticed":
        clientOf(event.session)!.noticed(event.isDelivered);
    }
  }

  #answer(client: Client, question: string): void {
    try {
      const answer = this.#handler(question, client);
      // Most bots answer at once: no wait for a microtask.
      if (typeof answer === "string") client.answer(answer);
      else this.#answerLater(client, answer);
    } catch (error) {
      this.#fail(client, error);
    }
  }

  async #answerLater(client: Client, answer: Promise<string>): Promise<void> {
    try {
      client.answer(await answer);
    } catch (error) {
      this.#fail(client, error);
    }
    this.#driver.update();
  }

  #fail(client: Client, error: unknown): void {
    const { session } = client;
    if (session.turn === "local") this.#endpoint.bye(session, "failed", Driver.now());
    this.#report(error, client);
  }

  // An error of a callback must not stop the loop that serves the other clients.
  #call(listener: () => void, client?: ClientInfo): void {
    try {
      listener();
    } catch (error) {
      this.#report(error, client);
    }
  }

  #report(error: unknown, client?: ClientInfo): void {
    const { onError } = this.#options;
    try {
      // deno-lint-ignore no-console -- the default of Deno.serve: an error is not to pass unseen
      if (onError === undefined) console.error(error);
      else onError(error, client);
    } catch (another) {
      reportError(another);
    }
  }
}

/** A client, which is also the context of its question. */
class Client implements QuestionInfo {
  readonly #endpoint: AnsweringEndpoint;
  readonly #update: () => void;
  /** The notice under way, and one that waits. */
  readonly #notices: (PromiseWithResolvers<boolean> & { readonly text: Uint8Array })[] = [];
  #controller: AbortController | undefined;
  #isOver = false;

  readonly id: number;
  readonly session: Peer;

  constructor(id: number, session: Peer, endpoint: AnsweringEndpoint, update: () => void) {
    this.id = id;
    this.session = session;
    this.#endpoint = endpoint;
    this.#update = update;
  }

  get client(): ClientInfo {
    return this;
  }

  get name(): string | undefined {
    return this.session.name;
  }

  get remoteAddr(): Deno.NetAddr {
    return toNetAddr(this.session.address);
  }

  // Made on demand: most handlers never look at it.
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isOver) this.#controller.abort();
    return this.#controller.signal;
  }

  answer(text: string): void {
    if (typeof text !== "string") throw new TypeError(`An answer must be a string: "${text}"`);
    const answer = encodeText(text);
    this.#endpoint.checkSize(answer);
    // The client may be gone by now.
    if (this.session.turn !== "local") return;
    this.#endpoint.answer(this.session, answer, Driver.now());
  }

  readonly setAhead = (ahead: number): void => {
    checkInteger("ahead", ahead, 0, 65_535);
    this.#endpoint.setAhead?.(this.session, ahead, Driver.now());
    this.#update();
  };

  readonly expel = (): void => {
    this.#endpoint.bye(this.session, "expelled", Driver.now());
    this.#update();
  };

  readonly notify = async (text: string): Promise<boolean> => {
    const notice = { text: encodeText(text), ...Promise.withResolvers<boolean>() };
    this.#endpoint.checkSize(notice.text, MAX_NOTICE_BYTES);
    if (this.#isOver || this.#endpoint.notify === undefined) return false;
    this.#notices.splice(1, 1)[0]?.resolve(false);
    if (this.#notices.push(notice) === 1) this.#sendNotice();
    return await notice.promise;
  };

  /** The notice under way is on the client's machine, or given up. */
  noticed(isDelivered: boolean): void {
    this.#notices.shift()!.resolve(isDelivered);
    if (this.#notices.length > 0) this.#sendNotice();
  }

  #sendNotice(): void {
    this.#endpoint.notify?.(this.session, this.#notices[0]!.text, Driver.now());
    this.#update();
  }

  end(): void {
    this.#isOver = true;
    for (const { resolve } of this.#notices.splice(0)) resolve(false);
    this.#controller?.abort();
  }
}

/** The client of a session, once it is connected. */
function clientOf({ attachment }: Peer): Client | undefined {
  return attachment as Client | undefined;
}

// A socket on `::` sees IPv4 peers at IPv4-mapped addresses.
function toNetAddr({ hostname, port }: Address): Deno.NetAddr {
  return { transport: "udp", hostname: hostname.replace(/^::ffff:(?=\d+\.)/, ""), port };
}

/** HMAC-SHA-256 for the retry tokens. `node:crypto` loads slowly, and leaks memory in a flood of HELLOs. */
async function loadHmac(): Promise<Hmac> {
  const [{ hmac }, { sha256 }] = await Promise.all([
    import("@noble/hashes/hmac.js"),
    import("@noble/hashes/sha2.js"),
  ]);
  return (key, data) => hmac(sha256, key, data);
}
