/**
 * The client's public API: binds an asking endpoint to a socket, a clock and promises.
 *
 * @module
 */
import { encodeText } from "./bytes.ts";
import { CodeRoom } from "./private/code_room.ts";
import { CONNECT_TIMEOUT_MS, Dialer, type DialerEvent } from "./reliable/dialer.ts";
import { ConversationEndedError, NoAnswerError, RefusedError, UnreachableError } from "./errors.ts";
import { checkDuration, checkPort } from "./options.ts";
import type { Endpoint, Monitor } from "./endpoint.ts";
import { type ByeReason, MAX_NAME_BYTES } from "./reliable/packet.ts";
import { type ConversationEvent, type EndReason, IDLE_TIMEOUT_MS } from "./reliable/session.ts";
import { DEFAULT_HOSTNAME, DEFAULT_PORT, OutOfTurnError, type TurnState } from "../protocol.ts";
import { bindUdp, type DatagramSocket, Driver, RANDOMNESS, resolveHost } from "./driver.ts";
import { waitAtMost } from "./driver.ts";

/** Pause before the next address of a name is tried too, in ms (RFC 8305 §5). */
const ATTEMPT_DELAY_MS = 250;

/** Options of {@linkcode connect}. */
export interface ConnectOptions {
  /** Address of the server, default {@linkcode DEFAULT_HOSTNAME}. Those of a name are tried in turn. */
  readonly hostname?: string;
  /** Port of the server, 1 to 65,535, default {@linkcode DEFAULT_PORT}. */
  readonly port?: number;
  /** Ends the attempt to connect, or the conversation, when it is aborted. */
  readonly signal?: AbortSignal;
  /** How long to try to connect, in ms, 1,000 to 86,400,000, default 5,000. */
  readonly connectTimeout?: number;
  /** Silence after which the server is gone, in ms, 1,000 to 86,400,000, default 75,000. */
  readonly idleTimeout?: number;
  /** The code of a private room, as its operator gave it: 4 characters or more. */
  readonly code?: string;
  /** A name for the server's operator: at most 40 bytes of UTF-8. */
  readonly name?: string;
  /**
   * Wraps a socket: a bad network, a recorder. The monitor tells how the endpoint takes what passes. While
   * no server answers, the conversation goes on from other sockets: each is wrapped, with the same monitor.
   */
  readonly transport?: (socket: DatagramSocket, monitor: Monitor) => DatagramSocket;
  /** Called when the state of the conversation changes. Its errors are reported as uncaught. */
  readonly onEvent?: (event: ConversationEvent) => void;
}

/** A conversation in which this end asks. */
export interface Conversation extends AsyncDisposable {
  /** The server's address and port. */
  readonly remoteAddr: Deno.NetAddr;
  /** Settles with the reason when the conversation is over. It never rejects. */
  readonly ended: Promise<EndReason>;
  /**
   * Asks, and waits for the answer for as long as the server is there.
   *
   * @param question At most 65,536 bytes of UTF-8. "bye" is a question like any other: see `isBye`.
   * @throws {OutOfTurnError} If the answer to another question is due. Nothing is sent.
   * @throws {MessageTooLongError} If the question is too long. Nothing is sent.
   * @throws {ConversationEndedError} If the conversation is over, or ends before the answer.
   * @throws {NoAnswerError} In a plain conversation, if no answer came in time. It goes on.
   */
  ask(question: string): Promise<string>;
  /** Ends the conversation and closes the socket. Resolves once a bye is confirmed, or after a few seconds. */
  bye(): Promise<void>;
}

/**
 * Connects to a server.
 *
 * @example
 * ```ts
 * import { connect } from "@pyr/preguntas";
 *
 * await using conversation = await connect({ hostname: "127.0.0.1", port: 12000 });
 * console.log(await conversation.ask("¿HTML es un lenguaje de programacion?"));
 * ```
 *
 * @throws {RangeError} If an option is out of bounds.
 * @throws {UnresolvedError} If the name of the server does not resolve.
 * @throws {UnreachableError} If no server answered in time.
 * @throws {RefusedError} If the server refuses the client.
 */
export async function connect(options: ConnectOptions = {}): Promise<Conversation> {
  const { code, signal } = options;
  const timeout = checkDuration("connectTimeout", options.connectTimeout ?? CONNECT_TIMEOUT_MS);
  const idleTimeout = checkDuration("idleTimeout", options.idleTimeout ?? IDLE_TIMEOUT_MS);
  const name = encodeText(options.name ?? "");
  if (name.length > MAX_NAME_BYTES) {
    throw new RangeError(
      `Invalid option, more than ${MAX_NAME_BYTES} bytes: name "${options.name}"`,
    );
  }
  const servers = await resolveServer(options);
  const room = code === undefined ? undefined : new CodeRoom(code);
  await room?.ready;
  signal?.throwIfAborted();
  const giveUpAt = Driver.now() + timeout;
  return await connectToAny(servers, (server) => {
    const now = Driver.now();
    const timeouts = { connectTimeout: giveUpAt - now, idleTimeout };
    const given = { server, now, name, ...timeouts, ...(room && { room }) };
    return new RunningConversation(options, server, new Dialer({ ...given, ...RANDOMNESS }));
  });
}

/** Connects to the first address that answers. Each is tried a moment after the one before, beside it. */
export async function connectToAny(
  servers: readonly Deno.NetAddr[],
  open: (server: Deno.NetAddr) => RunningConversation,
): Promise<RunningConversation> {
  const attempts = new Map<RunningConversation, Promise<void>>();
  let winner: RunningConversation | undefined;
  try {
    for (const server of servers) {
      const attempt = open(server);
      attempts.set(attempt, attempt.connected.then(() => void (winner ??= attempt)));
      const outcome = Promise.race(attempts.values());
      await (server === servers.at(-1) ? outcome : waitAtMost(ATTEMPT_DELAY_MS, outcome));
      if (winner !== undefined) break;
    }
    return winner!;
  } finally {
    for (const attempt of attempts.keys()) if (attempt !== winner) attempt.bye();
  }
}

/** The addresses of the server that the options name. Throws as {@linkcode connect} does. */
export async function resolveServer(
  { hostname = DEFAULT_HOSTNAME, port = DEFAULT_PORT, signal }: ConnectOptions,
): Promise<Deno.NetAddr[]> {
  checkPort(port, 1);
  signal?.throwIfAborted();
  const addresses = await resolveHost(hostname);
  signal?.throwIfAborted();
  return addresses.map((address) => ({ transport: "udp", hostname: address, port }));
}

/** An endpoint that asks one server. */
export interface AskingEndpoint extends Endpoint<DialerEvent> {
  /** Whose move it is. */
  readonly turn: TurnState;
  ask(question: Uint8Array, now: number): void;
  bye(reason: ByeReason, now: number): void;
}

/** A conversation over a socket, with or without the reliable protocol. */
export class RunningConversation implements Conversation {
  readonly remoteAddr: Deno.NetAddr;
  readonly #endpoint: AskingEndpoint;
  readonly #driver: Driver<DialerEvent>;
  readonly #options: ConnectOptions;
  readonly #connected = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<EndReason>();
  /** Resolves when the server has answered; rejects if it refuses or is unreachable. */
  readonly connected: Promise<void> = this.#connected.promise;
  readonly ended: Promise<EndReason> = this.#ended.promise;
  #answer: PromiseWithResolvers<string> | undefined;
  #isConnected = false;
  #endReason: EndReason | undefined;

  /** Binds the socket, and starts. */
  constructor(options: ConnectOptions, server: Deno.NetAddr, endpoint: AskingEndpoint) {
    this.remoteAddr = server;
    this.#endpoint = endpoint;
    this.#options = options;
    const hostname = server.hostname.includes(":") ? "::" : "0.0.0.0";
    this.#driver = new Driver({
      open() {
        const socket = bindUdp({ hostname, port: 0 }, endpoint.maxDatagramBytes);
        return options.transport?.(socket, endpoint) ?? socket;
      },
      endpoint,
      onEvent: (event) => this.#handle(event),
    });
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  ask(question: string): Promise<string> {
    try {
      if (this.#endReason !== undefined) throw new ConversationEndedError(this.#endReason);
      if (this.#endpoint.turn === "leaving") throw new ConversationEndedError("bye");
      if (this.#answer !== undefined) throw new OutOfTurnError("remote");
      this.#endpoint.ask(encodeText(question), Driver.now());
    } catch (error) {
      return Promise.reject(error);
    }
    const { promise } = this.#answer = Promise.withResolvers();
    // A plain answer may be here already: then it is taken in this call.
    this.#driver.update();
    return promise;
  }

  async bye(): Promise<void> {
    const { turn } = this.#endpoint;
    if (turn !== "leaving" && turn !== "closed") {
      this.#endpoint.bye("bye", Driver.now());
      this.#driver.update();
    }
    await this.#ended.promise;
    await this.#driver.finished;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.bye();
  }

  // Once connected, there is nothing left to reject.
  readonly #onAbort = () => {
    this.#connected.reject(this.#options.signal!.reason);
    this.bye();
  };

  #handle(event: DialerEvent): void {
    switch (event.type) {
      case "connected":
        if (this.#isConnected) this.#tell({ type: "reconnected" });
        this.#isConnected = true;
        this.#connected.resolve();
        break;
      case "answer":
        this.#takeAnswer()?.resolve(event.text);
        break;
      case "unanswered":
        this.#takeAnswer()?.reject(new NoAnswerError(this.remoteAddr, event.timeout));
        break;
      case "unreachable":
        this.#connected.reject(new UnreachableError(this.remoteAddr));
        this.#end("silence");
        break;
      case "refused":
        this.#connected.reject(new RefusedError(event.refusal));
        this.#end("closing");
        break;
      case "ended":
        this.#end(event.reason);
        break;
      case "hop":
        this.#driver.hop();
        break;
      case "over":
        this.#driver.close();
        break;
      default:
        this.#tell(event);
    }
  }

  #takeAnswer(): PromiseWithResolvers<string> | undefined {
    const answer = this.#answer;
    this.#answer = undefined;
    return answer;
  }

  // An error of a listener must not stop the loop that holds the conversation.
  #tell(event: ConversationEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch (error) {
      reportError(error);
    }
  }

  #end(reason: EndReason): void {
    this.#endReason = reason;
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#takeAnswer()?.reject(new ConversationEndedError(reason));
    this.#ended.resolve(reason);
  }
}
