/**
 * The protocols that are compared on one link: how each is served, and how a client connects.
 *
 * @module
 */
import { connect, connectPlain, type Conversation, NoAnswerError } from "../transport/mod.ts";
import { MAX_MESSAGE_BYTES, serve, servePlain } from "../transport/mod.ts";
import { CERTIFICATE, KEY, SERVER_NAME } from "./certificate.ts";

/** A protocol that carries turns. */
export type Protocol = "TCP" | "QUIC" | "UDP" | "ours";

/** An open way to the server. */
export interface Connection {
  /** Takes a turn; resolves with whether the answer came. Rejects if the connection is lost. */
  ask(): Promise<boolean>;
  /** Ends it; its failure means nothing. */
  close(): unknown;
}

const PORTS = { TCP: 12000, QUIC: 12001, UDP: 12002, ours: 12003 } as const;
/** Port of a server that sends over TCP as long as it is listened to. */
export const DOWNLOAD_PORT = 12004;
/** Port of a server of this program whose answers have the greatest length. */
export const LONG_ANSWER_PORT = 12005;
const EVERYWHERE = "0.0.0.0";
const ALPN = ["turns"];

const TURN_BYTES = 64;
/** What is asked: 64 bytes. */
export const QUESTION: string = "¿" + "x".repeat(TURN_BYTES - 3) + "?";

/** An attempt to connect is given up after this, in ms. */
export const CONNECT_TIMEOUT_MS = 10_000;
/** Wait for an answer that UDP alone will not bring, in ms: the least there is. */
const ANSWER_TIMEOUT_MS = 1_000;
/** This program's idle timeout, for QUIC as well: its default of 30 s would lose more connections. */
const IDLE_TIMEOUT_MS = 75_000;

/** Serves all of it: most answer each question with itself. */
export function serveAll(): void {
  accept(PORTS.TCP, (stream) => echo(stream));
  accept(DOWNLOAD_PORT, async ({ writable }) => {
    const writer = writable.getWriter();
    const chunk = new Uint8Array(16_384);
    while (true) await writer.write(chunk);
  });
  serveQuic();
  servePlain({ hostname: EVERYWHERE, port: PORTS.UDP }, (question) => question);
  serve({ hostname: EVERYWHERE, port: PORTS.ours }, (question) => question);
  serve({ hostname: EVERYWHERE, port: LONG_ANSWER_PORT }, () => "x".repeat(MAX_MESSAGE_BYTES));
}

async function accept(port: number, handle: (stream: Deno.TcpConn) => Promise<void>) {
  for await (const stream of Deno.listen({ hostname: EVERYWHERE, port })) {
    stream.setNoDelay();
    // The client closes when it has enough.
    handle(stream).catch(() => {});
  }
}

async function serveQuic(): Promise<void> {
  const endpoint = new Deno.QuicEndpoint({ hostname: EVERYWHERE, port: PORTS.QUIC });
  const listener = endpoint.listen({
    cert: CERTIFICATE,
    key: KEY,
    alpnProtocols: ALPN,
    maxIdleTimeout: IDLE_TIMEOUT_MS,
  });
  while (true) serveQuicConnection(await listener.incoming()).catch(() => {});
}

async function serveQuicConnection(incoming: Deno.QuicIncoming): Promise<void> {
  const connection = await incoming.accept();
  for await (const stream of connection.incomingBidirectionalStreams) echo(stream).catch(() => {});
}

/** A stream of bytes in each direction. */
interface ByteStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

async function echo({ readable, writable }: ByteStream): Promise<void> {
  await readable.pipeTo(writable);
}

/** Connects to the server of each protocol. */
export const CONNECT: Readonly<Record<Protocol, (hostname: string) => Promise<Connection>>> = {
  async TCP(hostname) {
    const stream = await Deno.connect({ hostname, port: PORTS.TCP });
    stream.setNoDelay();
    return { ask: askOver(stream), close: () => stream.close() };
  },
  async QUIC(hostname) {
    const connection = await Deno.connectQuic({
      hostname,
      port: PORTS.QUIC,
      serverName: SERVER_NAME,
      caCerts: [CERTIFICATE],
      alpnProtocols: ALPN,
      maxIdleTimeout: IDLE_TIMEOUT_MS,
    });
    const stream = await connection.createBidirectionalStream();
    return { ask: askOver(stream), close: () => connection.close() };
  },
  async UDP(hostname) {
    const answerTimeout = ANSWER_TIMEOUT_MS;
    return asking(await connectPlain({ hostname, port: PORTS.UDP, answerTimeout }));
  },
  async ours(hostname) {
    const connectTimeout = CONNECT_TIMEOUT_MS;
    return asking(await connect({ hostname, port: PORTS.ours, connectTimeout }));
  },
};

function askOver({ readable, writable }: ByteStream): Connection["ask"] {
  const question = new TextEncoder().encode(QUESTION);
  const writer = writable.getWriter();
  const reader = readable.getReader();
  return async () => {
    await writer.write(question);
    for (let missing = TURN_BYTES; missing > 0;) {
      const { value } = await reader.read();
      if (value === undefined) throw new Error("The stream ended");
      missing -= value.length;
    }
    return true;
  };
}

function asking(conversation: Conversation): Connection {
  return {
    async ask() {
      try {
        await conversation.ask(QUESTION);
        return true;
      } catch (error) {
        if (error instanceof NoAnswerError) return false;
        throw error;
      }
    },
    close: () => conversation.bye(),
  };
}
