import { assert, assertEquals } from "@std/assert";
import { connect, type EndReason, UnreachableError } from "../transport/mod.ts";
import { floodCommand, type FloodReport } from "./flood.ts";
import { canRunPrograms, command, Process } from "./process.ts";
import { isWhole } from "./whole.ts";

const WARM_UP_SECONDS = 8;
const FLOOD_SECONDS = 20;
const CLIENTS = 10;
const TURNS = 3;
const MAX_GROWTH_BYTES = 20 * 2 ** 20;

// Invariant: the server keeps nothing of a flood from one machine, and every client that is connected
// gets every answer, the right one. A flood that fills the server's socket crowds out most of
// what the clients send: how long that takes is not asserted, and a bye that is lost there for as long
// as a client waits for its confirmation is no conversation held to its end, but no failure either.
Deno.test({
  name: `${CLIENTS} clients converse with a server under a flood of ${FLOOD_SECONDS} s`,
  ignore: !isWhole || !canRunPrograms,
  async fn() {
    await using server = startServer();
    const [, text] = await server.until(/"port":(\d+)/);
    const port = Number(text);
    const answering = answerAll(server);
    await using room = new Room(port);
    const atRest = await residentMemory(server);
    // A runtime that is busy for the first time compiles, and makes room for what it throws away.
    await runFlood(port, WARM_UP_SECONDS);

    const memory = await residentMemory(server);
    const dropped = await droppedDatagrams(port);
    const before = room.conversations;
    const flood = await runFlood(port, FLOOD_SECONDS);
    const after = room.conversations;
    const lost = difference(await droppedDatagrams(port), dropped);
    const inTheEnd = await residentMemory(server);

    await room.close();
    await server.end();
    const { unreachable, unconfirmed } = room;
    const code = await server.exited();
    // All copies of a bye were lost, and what acknowledged the last answer: the server cannot know.
    assert(code === 0 || code === 1 && unconfirmed > 0, `${code}: ${server.errors}`);
    await answering;
    const conversations = after - before;
    report({
      ...flood,
      lost,
      conversations,
      unconfirmed,
      unreachable,
      memory: [atRest, memory, inTheEnd],
    });
    assert(conversations >= CLIENTS, `Only ${conversations} conversations ended meanwhile`);
    const growth = difference(inTheEnd, memory) ?? 0;
    assert(growth < MAX_GROWTH_BYTES, `The server grew by ${growth} bytes`);
  },
});

async function runFlood(port: number, seconds: number): Promise<FloodReport> {
  await using flood = new Process(floodCommand(port, seconds));
  assertEquals(await flood.exited(), 0, flood.errors);
  return JSON.parse(flood.output);
}

/** Clients that come, ask and go again and again. */
class Room implements AsyncDisposable {
  /** Conversations that are over. */
  conversations = 0;
  /** Conversations of which every answer came, but whose bye was not confirmed in time. */
  unconfirmed = 0;
  /** Attempts to connect that failed within the usual time, and were repeated. */
  unreachable = 0;
  readonly #port: number;
  readonly #clients: Promise<PromiseSettledResult<void>[]>;
  #isClosing = false;

  constructor(port: number) {
    this.#port = port;
    const clients = Array.from({ length: CLIENTS }, (_, client) => this.#stay(client));
    this.#clients = Promise.allSettled(clients);
  }

  /** Waits until each client has ended the conversation that it is in. */
  async close(): Promise<void> {
    this.#isClosing = true;
    for (const result of await this.#clients) {
      if (result.status === "rejected") throw result.reason;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    await this.#clients;
  }

  async #stay(client: number): Promise<void> {
    for (let visit = 0; !this.#isClosing; visit++) {
      try {
        const end = await this.#converse(`client ${client}, visit ${visit}`);
        if (end === "bye") this.conversations++;
        else if (end === "unconfirmed") this.unconfirmed++;
        else throw new Error(`A conversation ended otherwise: "${end}"`);
      } catch (error) {
        if (!(error instanceof UnreachableError)) throw error;
        this.unreachable++;
      }
    }
  }

  async #converse(name: string): Promise<EndReason> {
    const conversation = await connect({ port: this.#port });
    for (let turn = 0; turn < TURNS; turn++) {
      const question = `${name}, turn ${turn}`;
      assertEquals(await conversation.ask(question), `re: ${question}`);
    }
    await conversation.bye();
    return await conversation.ended;
  }
}

function startServer(): Process {
  const [deno, run, ...rest] = command("servidor", "--puerto", "0", "--json");
  // Otherwise the collector lets garbage pile up, and memory that is kept does not show.
  const words = [deno!, run!, "--v8-flags=--max-semi-space-size=1", ...rest];
  // The shell tells its process id, and becomes the server.
  if (Deno.build.os === "linux") words.unshift("sh", "-c", 'echo "pid $$"; exec "$@"', "sh");
  return new Process(words);
}

async function answerAll(server: Process): Promise<void> {
  for await (const line of server.lines()) {
    if (!line.includes(`"question"`)) continue;
    const { id, question } = JSON.parse(line);
    await server.write(JSON.stringify({ id, answer: `re: ${question}` }) + "\n");
  }
}

/** Bytes that a server has in memory, where the system tells. */
async function residentMemory(server: Process): Promise<number | undefined> {
  const [, pid] = /^pid (\d+)/.exec(server.output) ?? [];
  const [, kilobytes] = /VmRSS:\s*(\d+) kB/.exec(await proc(`${pid}/status`)) ?? [];
  return kilobytes === undefined ? undefined : 1024 * Number(kilobytes);
}

/** Datagrams for a port that the system had no room for, where it tells. */
async function droppedDatagrams(port: number): Promise<number | undefined> {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const sockets = (await proc("net/udp")).split("\n").map((line) => line.trim().split(/\s+/));
  const socket = sockets.find(([, address]) => address?.endsWith(local));
  return socket === undefined ? undefined : Number(socket.at(-1));
}

// Reading /proc takes every permission; `cat` needs none of this process.
async function proc(path: string): Promise<string> {
  if (Deno.build.os !== "linux") return "";
  const cat = new Deno.Command("cat", { args: [`/proc/${path}`], stderr: "null" });
  return new TextDecoder().decode((await cat.output()).stdout);
}

function difference(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : after - before;
}

interface Figures extends FloodReport {
  readonly lost: number | undefined;
  readonly conversations: number;
  readonly unconfirmed: number;
  readonly unreachable: number;
  readonly memory: readonly (number | undefined)[];
}

function report(figures: Figures): void {
  const { sent, seconds, lost, conversations, unconfirmed, unreachable, memory } = figures;
  const rate = (count: number) => `${Math.round(count / seconds).toLocaleString("en")}/s`;
  const megabytes = memory.map((bytes) => bytes === undefined ? "?" : Math.round(bytes / 2 ** 20));
  const parts = [
    `${rate(sent)} hostile datagrams sent`,
    `${lost === undefined ? "?" : rate(sent - lost)} taken in`,
    `${conversations} conversations meanwhile (${unconfirmed} byes were not confirmed in time, ` +
    `${unreachable} attempts to connect failed)`,
    `resident memory of ${megabytes.join(", ")} MB: at rest, in the flood, after it`,
  ];
  // deno-lint-ignore no-console -- figures of this machine, which are not asserted
  console.log(parts.join("; "));
}
