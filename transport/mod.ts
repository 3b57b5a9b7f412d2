/**
 * Questions and answers over UDP, between two programs on a network that loses, duplicates and reorders
 * datagrams.
 *
 * {@linkcode serve} answers questions and {@linkcode connect} asks them, one at a time and in turns:
 * the asker speaks first, and only an answer makes room for the next question. Every datagram opens
 * with the same header of 24 bytes, numbers in network byte order:
 *
 * ```text
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |      'P'      |      'y'      |      'R'      |    version    |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |     type      |    attempt    |     echo      |   ack delay   |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                          session id                           |
 * |                    (64 bits; in a handshake: nonce)           |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                            number                             |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |    segment    | last segment  |             ahead             |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                  payload (0 to 1,104 bytes) …
 * ```
 *
 * | type | name | from | payload |
 * |---|---|---|---|
 * | 1 | HELLO | client | idle timeout (32 bits), token and key share, each with its length; padding |
 * | 2 | RETRY | server | the token that proves the client's address when it comes back |
 * | 3 | WELCOME | server | session id (64 bits), idle timeout (32 bits), key share and its confirmation |
 * | 4 | REFUSE | server | reason (8 bits); from a client, that the confirmation did not hold |
 * | 5 | MESSAGE | both | a segment of a question (odd number) or of an answer (even number) |
 * | 6 | ACK | both | none: it acknowledges a segment of a message; the first from a client, its name |
 * | 7 | PING | both | none, or a challenge (64 bits), or the client's name: it asks for a PONG |
 * | 8 | PONG | both | the challenge of the PING |
 * | 9 | BYE | both | reason (8 bits) |
 * | 10 | BYE-ACK | both | none: it confirms a BYE |
 * | 11 | RESET | server | none: that session is not known, or that version not spoken |
 * | 12 | NOTICE | server | a text to the client, out of turn |
 * | 13 | NOTICE-ACK | client | none: it acknowledges a NOTICE |
 *
 * Messages are numbered through both directions: question 1, answer 2, question 3, and so on. The
 * number alone tells whose turn it is, and each message acknowledges the one before it.
 *
 * `ahead` is a server's: the questions that will be answered before the client's. From a client it is the
 * length of its name, which opens the payload of message 1, and is that of the ACK of the WELCOME (number
 * 0) and of any PING before the first question.
 *
 * Magic, version, type and id have the same place in every version, and RESET the same code: an end that
 * gets a datagram of another version answers with a RESET of its own.
 *
 * @module
 */
export { connect, type ConnectOptions, type Conversation } from "./client.ts";
export { type ClientInfo, type Handler, type QuestionInfo } from "./server.ts";
export { serve, type ServeOptions, type Server, type ShutdownOptions } from "./server.ts";
export * from "./plain.ts";
export * from "./errors.ts";
export * from "../protocol.ts";
export type { DatagramSocket } from "./driver.ts";
export { type Address, formatAddress, MessageTooLongError } from "./endpoint.ts";
export type { Counters, Inspection, Monitor, ProbeCause } from "./endpoint.ts";
export type { RetransmissionTimer, SentPacket } from "./endpoint.ts";
export { type ForeignEvent, type ForeignKind } from "./limits.ts";
export { type Guesses, type Overload, OVERLOAD_REPORT_INTERVAL_MS } from "./limits.ts";
export { MAX_QUESTIONS, MAX_SESSIONS, MAX_SESSIONS_PER_ADDRESS } from "./limits.ts";
export { HALF_OPEN_MS, MAX_HALF_OPEN, MAX_HALF_OPEN_OF_NETWORK } from "./limits.ts";
export { UNPROVED_REPLIES_PER_SECOND } from "./limits.ts";
export { ANSWER_TIMEOUT_MS, MAX_STALE_ANSWERS } from "./plain/plain_asker.ts";
export { codeStrength, completeRoomCode, MIN_CODE_CHARACTERS } from "./private/code.ts";
export { newRoomCode } from "./private/code.ts";
export { CONNECT_TIMEOUT_MS } from "./reliable/dialer.ts";
export { CONFIRM_TIMEOUT_MS, SHUTDOWN_TIMEOUT_MS } from "./reliable/listener.ts";
export { MAX_GUESSES, MAX_GUESSES_OF_NETWORK } from "./reliable/guess_limit.ts";
export { BYE_REASONS, MAX_NAME_BYTES, MAX_NOTICE_BYTES, PACKET_RULES } from "./reliable/packet.ts";
export { readHeader, REFUSALS } from "./reliable/packet.ts";
export type { ByeReason, Header, Packet, PacketType, Refusal } from "./reliable/packet.ts";
export { MAX_ACK_DELAY_MS } from "./reliable/rtt.ts";
export { type ConversationEvent, type EndReason, IDLE_TIMEOUT_MS } from "./reliable/session.ts";
