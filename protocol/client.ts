/**
 * The client that people call: binds a {@linkcode Dialer} to a socket, a clock and promises.
 *
 * @module
 */
import { encodeText } from "./bytes.ts";
import { CodeRoom } from "./code_room.ts";
import { CONNECT_TIMEOUT_MS, Dialer, type DialerEvent } from "./dialer.ts";
import { ConversationEndedError, MessageTooLongError } from "./errors.ts";
import { RefusedError, UnreachableError } from "./errors.ts";
import { checkDuration, checkPort, DEFAULT_HOSTNAME, DEFAULT_PORT } from "./options.ts";
import { MAX_MESSAGE_BYTES } from "./packet.ts";
import { type EndReason, IDLE_TIMEOUT_MS } from "./session.ts";
import { OutOfTurnError } from "./turn.ts";
import { bindUdp, Driver, resolveHost } from "./udp.ts";

/** Options of {@linkcode connect}. */
export interface ConnectOptions {
  /** Address or name of the server, default {@linkcode DEFAULT_HOSTNAME}. Resolved once. */
  readonly hostname?: string;
  /** Port of the server, 1 to 65,535, default {@linkcode DEFAULT_PORT}. */
  readonly port?: number;
  /** Ends the attempt to connect, or the conversation, when it is aborted. */
  readonly signal?: AbortSignal;
  /** How long to try to connect, in ms, 1,000 to 86,400,000, default 5,000. */
  readonly connectTimeout?: number;
  /** Silence after which the server is gone, in ms, 1,000 to 86,400,000, default 75,000. */
  readonly idleTimeout?: number;
  /** The code of a private room, as its operator gave it: 8 characters or more. */
  readonly code?: string;
  /** Hears how the conversation stands. What it throws is reported as an uncaught error. */
  readonly onEvent?: (event: ConversationEvent) => void;
}

/** How a conversation stands. */
export type ConversationEvent =
  /** The question is on the server's machine. */
  | { readonly type: "delivered" }
  /** So many questions will be answered before this one. */
  | { readonly type: "position"; readonly ahead: number }
  /** Nothing was heard of the server for 5 s, though it owes an acknowledgement. It is tried on. */
  | { readonly type: "unresponsive" }
  /** The server is heard again. */
  | { readonly type: "responsive" }
  /** The server has forgotten this client, and is asked again. */
  | { readonly type: "reconnecting" }
  /** The server knows this client again. */
  | { readonly type: "reconnected" };

/** A conversation in which this end asks. */
export interface Conversation extends AsyncDisposable {
  /** The server's address and port. */
  readonly remoteAddr: Deno.NetAddr;
  /** Settles with the reason when the conversation is over. It never rejects. */
  readonly ended: Promise<EndReason>;
  /**
   * Asks, and waits for the answer for as long as the server is there.
   *
   * @param question At most {@linkcode MAX_MESSAGE_BYTES} bytes of UTF-8. Its text means nothing
   * here: whoever wants "bye" to end the conversation looks for it with `isBye`.
   * @throws {OutOfTurnError} If the answer to another question is due. Nothing is sent.
   * @throws {MessageTooLongError} If the question is too long. Nothing is sent.
   * @throws {ConversationEndedError} If the conversation is over, or ends before the answer.
   */
  ask(question: string): Promise<string>;
  /**
   * Ends the conversation, if it is not over, and closes the socket: when the server has confirmed the
   * bye, or is sure to have got the confirmation of its own, or a few seconds have passed.
   */
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
 * @throws {UnreachableError} If nobody answered in time.
 * @throws {RefusedError} If the server does not want the client.
 */
export async function connect(options: ConnectOptions = {}): Promise<Conversation> {
  const { hostname = DEFAULT_HOSTNAME, port = DEFAULT_PORT, code, signal } = options;
  const timeouts = {
    connectTimeout: checkDuration("connectTimeout", options.connectTimeout ?? CONNECT_TIMEOUT_MS),
    idleTimeout: checkDuration("idleTimeout", options.idleTimeout ?? IDLE_TIMEOUT_MS),
  };
  checkPort(port, 1);
  signal?.throwIfAborted();
  const room = code === undefined ? undefined : new CodeRoom(code);
  await room?.ready;
  const server = { transport: "udp" as const, hostname: await resolveHost(hostname), port };
  signal?.throwIfAborted();
  const dialer = new Dialer({
    ...timeouts,
    server,
    now: Driver.now(),
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    random: Math.random,
    ...(room && { room }),
  });
  const conversation = new RunningConversation(dialer, server, options);
  await conversation.connected;
  return conversation;
}

class RunningConversation implements Conversation {
  readonly remoteAddr: Deno.NetAddr;
  readonly #dialer: Dialer;
  readonly #driver: Driver<DialerEvent>;
  readonly #options: ConnectOptions;
  readonly #connected = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<EndReason>();
  #answer: PromiseWithResolvers<string> | undefined;
  #isConnected = false;
  #endReason: EndReason | undefined;

  constructor(dialer: Dialer, server: Deno.NetAddr, options: ConnectOptions) {
    this.remoteAddr = server;
    this.#dialer = dialer;
    this.#options = options;
    const isIpv6 = server.hostname.includes(":");
    this.#driver = new Driver({
      transport: bindUdp({ hostname: isIpv6 ? "::" : "0.0.0.0", port: 0 }),
      endpoint: dialer,
      onEvent: (event) => this.#handle(event),
    });
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get connected(): Promise<void> {
    return this.#connected.promise;
  }

  get ended(): Promise<EndReason> {
    return this.#ended.promise;
  }

  async ask(question: string): Promise<string> {
    if (this.#endReason !== undefined) throw new ConversationEndedError(this.#endReason);
    if (this.#dialer.turn === "leaving") throw new ConversationEndedError("bye");
    if (this.#answer !== undefined) throw new OutOfTurnError("remote");
    const bytes = encodeText(question);
    if (bytes.length > MAX_MESSAGE_BYTES) throw new MessageTooLongError(bytes.length);
    this.#dialer.ask(bytes, Driver.now());
    this.#answer = Promise.withResolvers();
    this.#driver.update();
    return await this.#answer.promise;
  }

  async bye(): Promise<void> {
    const { turn } = this.#dialer;
    if (turn !== "leaving" && turn !== "closed") {
      this.#dialer.bye("bye", Driver.now());
      this.#driver.update();
    }
    await this.#ended.promise;
    await this.#driver.finished;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.bye();
  }

  #onAbort = (): void => {
    if (!this.#isConnected) this.#connected.reject(this.#options.signal!.reason);
    this.bye();
  };

  #handle(event: DialerEvent): void {
    switch (event.type) {
      case "connected":
        if (this.#isConnected) this.#tell({ type: "reconnected" });
        this.#isConnected = true;
        this.#connected.resolve();
        break;
      case "answer": {
        const answer = this.#answer!;
        this.#answer = undefined;
        answer.resolve(event.text);
        break;
      }
      case "unreachable":
        this.#connected.reject(
          new UnreachableError(this.remoteAddr),
        );
        this.#end("silence");
        break;
      case "refused":
        this.#connected.reject(new RefusedError(event.refusal));
        this.#end("closing");
        break;
      case "ended":
        this.#end(event.reason);
        break;
      case "over":
        this.#driver.close();
        break;
      default:
        this.#tell(event);
    }
  }

  // What a listener throws must not stop the loop that holds the conversation.
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
    this.#answer?.reject(new ConversationEndedError(reason));
    this.#answer = undefined;
    this.#ended.resolve(reason);
  }
}
