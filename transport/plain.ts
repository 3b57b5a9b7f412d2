/**
 * The public API of plain UDP: the same servers and conversations, over unprotected endpoints.
 *
 * @module
 */
import { type ConnectOptions, type Conversation, resolveServer } from "./client.ts";
import { RunningConversation } from "./client.ts";
import { checkDuration } from "./options.ts";
import { PlainAnswerer } from "./plain/plain_answerer.ts";
import { ANSWER_TIMEOUT_MS, PlainAsker } from "./plain/plain_asker.ts";
import { type Handler, RunningServer, type ServeOptions, type Server } from "./server.ts";
import { serverLimits } from "./server.ts";

/**
 * Options of {@linkcode servePlain}. A client is an address that asked, and `maxSessions` how many are
 * known at once: the one longest idle makes room. A client that waits for no answer is forgotten after
 * `idleTimeout`, and hears nothing of it. A question beyond `maxQuestions` is dropped.
 */
export type ServePlainOptions = Omit<ServeOptions, "code" | "maxSessionsPerAddress" | "serverId">;

/** Options of {@linkcode connectPlain}. `signal` says bye when it is aborted. */
export interface ConnectPlainOptions
  extends Omit<ConnectOptions, "code" | "connectTimeout" | "idleTimeout" | "name"> {
  /** How long a question waits for its answer, in ms, 1,000 to 86,400,000, default 3,000. */
  readonly answerTimeout?: number;
}

/**
 * Answers questions over UDP as it is, without the protection of `serve`: each datagram is a question in
 * UTF-8, and its answer one datagram of 65,507 bytes at most. Netcat and `connectPlain` speak it: one end
 * of line after a question is cut off, and its answer gets one too. A datagram that reads `bye` ends the
 * conversation with its sender.
 *
 * A lost datagram stays lost and a duplicate is asked twice. Clients do not hear that the server closes or
 * how many questions are ahead of theirs. **The sender's address may be forged, and it is answered all the
 * same**, with as many bytes as the handler makes: do not open such a server to a network that is not your
 * own.
 *
 * @example
 * ```ts
 * import { servePlain } from "@pyr/preguntas";
 *
 * const server = servePlain({ hostname: "127.0.0.1", port: 12000 }, (question, info) => {
 *   return `${info.remoteAddr.hostname} asked "${question}"`;
 * });
 * await server.finished; // printf '¿HTML?' | nc -u -w 1 127.0.0.1 12000
 * ```
 *
 * @throws {RangeError} If an option is out of bounds.
 * @throws {TypeError} If there is a code: nothing here could keep the room private.
 * @throws {Deno.errors.AddrInUse} If the port is taken, among other errors of the platform.
 */
export function servePlain(options: ServePlainOptions, handler: Handler): Server {
  refuseCode(options);
  const endpoint = new PlainAnswerer(serverLimits(options));
  return new RunningServer(options, handler, endpoint);
}

/**
 * Asks a server over UDP as it is, without the protection of `connect`: a question of at most 65,507
 * bytes is one datagram, and the next one from the server's port is taken for its answer: a server with
 * several addresses may answer from another, which a `foreign` event tells. Nothing is sent before the
 * first question, so a missing server goes unnoticed; `bye` is sent once.
 *
 * An `ask` that gets no answer in time rejects with `NoAnswerError`, and the conversation goes on. **An
 * answer that comes later is taken for the next question's**, as `recvfrom` in any textbook would have
 * it: if it was there before that was asked, a `stale` event says so. 64 such answers are kept.
 *
 * @example
 * ```ts
 * import { connectPlain, NoAnswerError } from "@pyr/preguntas";
 *
 * await using conversation = await connectPlain({ hostname: "127.0.0.1", port: 12000 });
 * try {
 *   console.log(await conversation.ask("¿HTML es un lenguaje de programacion?"));
 * } catch (error) {
 *   if (!(error instanceof NoAnswerError)) throw error;
 *   console.log("The question is lost, or its answer");
 * }
 * ```
 *
 * @throws {RangeError} If an option is out of bounds.
 * @throws {TypeError} If there is a code: nothing here could keep the conversation private.
 * @throws {UnresolvedError} If the name of the server does not resolve.
 */
export async function connectPlain(options: ConnectPlainOptions = {}): Promise<Conversation> {
  refuseCode(options);
  const timeout = options.answerTimeout ?? ANSWER_TIMEOUT_MS;
  const answerTimeout = checkDuration("answerTimeout", timeout);
  // Nothing tells whether a server is there: only the first address is asked.
  const server = (await resolveServer(options))[0]!;
  const endpoint = new PlainAsker({ server, sender: senderOf(server.hostname), answerTimeout });
  return new RunningConversation(options, server, endpoint);
}

// The types forbid a code; to ignore one would send a private conversation in the open.
function refuseCode(options: object): void {
  if ("code" in options && options.code !== undefined) {
    throw new TypeError("A plain conversation cannot have a code");
  }
}

/** The source address that a socket reports for datagrams of a destination. */
function senderOf(hostname: string): string {
  if (hostname === "0.0.0.0") return "127.0.0.1";
  // IPv4, mapped or not, has one form; the rest of IPv6 has many (RFC 5952).
  if (!hostname.includes(":") || hostname.includes(".")) return hostname.toLowerCase();
  const sender = new URL(`http://[${hostname.replace(/%.*/, "")}]`).hostname.slice(1, -1);
  return sender === "::" ? "::1" : sender;
}
