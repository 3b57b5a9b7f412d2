/**
 * A day of three servers behind a balancer: sixty clients ask and ask, and everything happens to them that
 * may. Prints one line of figures for each event, as JSON; to be run in namespaces of its own:
 *
 * ```sh
 * sudo unshare --net --mount --pid --fork --kill-child --mount-proc \
 *   deno run -A tests/balanced_day.ts '{"setup":"machines"}'
 * ```
 *
 * @module
 */
import { connect, type Conversation, IDLE_TIMEOUT_MS } from "../transport/mod.ts";
import { Machine, run } from "./namespace.ts";
import { command, Process } from "./process.ts";

/** What stands in front of the servers: a file of `docs/escala/`. */
export type Setup = "nginx" | "machines" | "cores";

/** A day to run. */
export interface DayOptions {
  readonly setup: Setup;
  /** The code of the room, if it is a private one. */
  readonly code?: string;
  /** The events, default all that the setup can have. */
  readonly events?: readonly string[];
  /** Time that every answer takes, in ms, instead of what suits the event. */
  readonly answerMs?: number;
  /** Silence after which a client takes its server for gone, in ms, default 75,000; a keepalive comes in a quarter. */
  readonly idleTimeout?: number;
}

/** What an event did to the clients. */
export interface Figures {
  readonly setup: Setup;
  readonly isPrivate: boolean;
  readonly event: string;
  /** Questions that were to be asked. */
  readonly of: number;
  /** Questions that got their own answer. */
  readonly right: number;
  /** Answers to another question. */
  readonly wrong: number;
  /** Why conversations ended. */
  readonly lost: readonly string[];
  /** Questions that more than one server, or one server twice, was asked. */
  readonly twice: number;
  /** Clients that lost their server and connected again. */
  readonly reconnected: number;
  /** The longest waits for an answer, in ms, beside the time that the bots took; longest first. */
  readonly waits: readonly number[];
  /** Answers of each server. */
  readonly by: Readonly<Record<string, number>>;
}

const CLIENTS = 60;
const TURNS = 8;
/** Time that answers take where the event is to meet open questions, in ms. */
const SLOW_ANSWER_MS = 300;
/** A client's pause between two questions is shorter, in ms. */
const PAUSE_MS = 300;
/** When an event happens, in ms after the first question: all turns take about 4 s. */
const EVENT_AT_MS = 1_200;
/** Where the clients call. */
const FRONT: Readonly<Record<Setup, { hostname: string; port: number }>> = {
  nginx: { hostname: "10.1.0.1", port: 12000 },
  machines: { hostname: "10.9.9.9", port: 12000 },
  cores: { hostname: "10.2.0.11", port: 12000 },
};

/** Rules of nftables with which a router gives all its clients other ports. */
const OTHER_PORTS = `table ip router {
  chain out {
    type filter hook postrouting priority raw
    udp dport 12000 udp sport set udp sport ^ 0x4000
  }
  chain in {
    type filter hook prerouting priority raw
    udp sport 12000 udp dport set udp dport ^ 0x4000
  }
}
`;

/** The servers and what stands before them. */
class Service implements AsyncDisposable {
  /** Times that each question was asked. */
  readonly asked = new Map<string, number>();
  answerMs = 0;
  readonly #options: DayOptions;
  readonly #things = new AsyncDisposableStack();
  readonly #servers = new Map<number, Process>();
  readonly #machines: Machine[] = [];
  #balancer!: Machine;

  constructor(options: DayOptions) {
    this.#options = options;
  }

  /** Connects the machines, and starts the balancer and three servers. */
  async start(): Promise<void> {
    const { setup } = this.#options;
    const balancer = this.#balancer = this.#things.use(await Machine.start());
    await run(["mount", "-t", "tmpfs", "none", "/run"]);
    await balancer.plug("clients", "wire");
    await ip(
      undefined,
      "link set lo up",
      "addr add 10.1.0.2/24 dev wire",
      "link set wire up",
      "route add default via 10.1.0.1",
    );
    await ip(
      balancer,
      "addr add 10.1.0.1/24 dev clients",
      "addr add 10.9.9.9/32 dev lo",
      "link set clients up",
      "link add servers type bridge",
      "addr add 10.2.0.1/24 dev servers",
      "link set servers up",
    );
    await run(balancer.at("sysctl", "-qw", "net.ipv4.ip_forward=1"));
    for (let id = 1; id <= (setup === "cores" ? 1 : 4); id++) {
      const machine = this.#things.use(await Machine.start());
      this.#machines.push(machine);
      await machine.plug("wire", `to${id}`, balancer);
      await ip(balancer, `link set to${id} master servers`, `link set to${id} up`);
      await ip(
        machine,
        `addr add 10.2.0.1${id}/24 dev wire`,
        "link set wire up",
        "route add default via 10.2.0.1",
      );
    }
    await Promise.all([1, 2, 3].map((id) => this.startServer(id)));
    await this.balance([1, 2, 3]);
  }

  /** Starts a server, and answers what it is asked. */
  async startServer(id: number): Promise<void> {
    const { setup, code } = this.#options;
    const port = setup === "cores" ? 12000 + id : 12000;
    const options = ["--json", "--host", "0.0.0.0", "--puerto", `${port}`];
    if (setup !== "nginx") options.push("--id-servidor", `${id}`);
    if (code !== undefined) options.push("--codigo", code);
    const machine = this.#machines[setup === "cores" ? 0 : id - 1]!;
    const server = this.#things.use(new Process(machine.at(...command("servidor", ...options))));
    this.#servers.set(id, server);
    await server.until('"listening"');
    this.#answer(server, id);
  }

  /** Ends a server with a signal; resolves to its exit code or its signal once it has ended. */
  async endServer(id: number, signal: Deno.Signal): Promise<number | Deno.Signal> {
    const server = this.#servers.get(id)!;
    server.kill(signal);
    return await server.exited();
  }

  /** Pulls the cable of a server's machine. */
  async setDark(id: number): Promise<void> {
    await ip(this.#balancer, `link set to${id} down`);
  }

  /** Has the balancer know these servers. */
  async balance(servers: readonly number[]): Promise<void> {
    const { setup } = this.#options;
    if (setup === "nginx") await this.#balanceByNginx(servers);
    else await this.#balanceByNftables(setup, servers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#things.disposeAsync();
  }

  async #balanceByNginx(servers: readonly number[]): Promise<void> {
    const isFirst = await Deno.stat("/run/nginx.conf").then(() => false, () => true);
    const text = (await escala("nginx.conf")).replace(
      /(# )?(server 10\.2\.0\.1(\d):)/g,
      (_, __, line, id) => servers.includes(Number(id)) ? line : `# ${line}`,
    );
    await Deno.writeTextFile("/run/nginx.conf", text);
    const nginx = this.#balancer.at("nginx", "-c", "/run/nginx.conf", "-e", "stderr", "-g");
    const globals = "daemon off; user root;";
    if (!isFirst) {
      await run([...nginx, globals, "-s", "reload"]);
      return;
    }
    const process = this.#things.use(new Process([...nginx, globals]));
    // Killed, it would leave its workers behind.
    this.#things.defer(async () => {
      process.kill("SIGTERM");
      await process.exited();
    });
    const pid = () => Deno.readTextFile("/run/nginx.pid").then(Number, () => 0);
    for (let i = 0; i < 100 && await pid() === 0; i++) await pause(50);
    if (await pid() === 0) throw new Error(`nginx did not start: ${process.errors}`);
  }

  async #balanceByNftables(setup: "machines" | "cores", servers: readonly number[]): Promise<void> {
    const target = (id: number) => setup === "cores" ? `${12000 + id}` : `10.2.0.1${id}`;
    const byId = servers.map((id) => `${id} : ${target(id)}`).join(", ");
    const byNonce = servers.map((id, i) => `${i} : ${target(id)}`).join(", ");
    const machine = setup === "cores" ? this.#machines[0]! : this.#balancer;
    const text = (await escala(`${setup}.nft`))
      .replace(/@th,128,8 map \{.*\}/, `@th,128,8 map { ${byId} }`)
      .replace(/mod \d map \{.*\}/, `mod ${servers.length} map { ${byNonce} }`)
      .replaceAll("12001-12003", `12001-${12000 + Math.max(...servers)}`);
    await run(machine.at("nft", "-f", "-"), text);
  }

  async #answer(server: Process, name: number): Promise<void> {
    for await (const line of server.lines()) {
      const { event, id, question } = JSON.parse(line);
      if (event !== "question") continue;
      this.asked.set(question, (this.asked.get(question) ?? 0) + 1);
      const answer = JSON.stringify({ id, answer: `${name}|${question}` });
      // A server that was killed takes no answer.
      setTimeout(() => server.write(`${answer}\n`).catch(() => {}), this.answerMs);
    }
  }
}

/** What happens in the course of a day. */
interface Happening {
  /** Time that every answer takes meanwhile, in ms, default none, as a bot answers. */
  readonly answerMs?: number;
  happen(service: Service): Promise<unknown>;
  /** What is done before the next event. */
  after?(service: Service): Promise<void>;
}

/** The events of a day, in their order. It begins with three servers, 1 to 3. */
const EVENTS: Readonly<Record<string, Happening>> = {
  // The clients' router gives every one of them another port.
  moved: { answerMs: SLOW_ANSWER_MS, happen: () => run(["nft", "-f", "-"], OTHER_PORTS) },
  added: {
    answerMs: SLOW_ANSWER_MS,
    async happen(service) {
      await service.startServer(4);
      await service.balance([1, 2, 3, 4]);
    },
  },
  replaced: {
    answerMs: SLOW_ANSWER_MS,
    async happen(service) {
      await service.endServer(2, "SIGUSR2");
      await service.startServer(2);
    },
  },
  killed: {
    happen: (service) => service.endServer(3, "SIGKILL"),
    after: (service) => service.startServer(3),
  },
  dark: { happen: (service) => service.setDark(1) },
};

const NOT_ON_ONE_MACHINE: readonly string[] = ["dark"];

/** Runs a day. */
export async function* day(options: DayOptions): AsyncGenerator<Figures> {
  await using service = new Service(options);
  await service.start();
  const { setup, code, idleTimeout = IDLE_TIMEOUT_MS } = options;
  let reconnected = 0;
  const conversations = new Set<Conversation>();
  for (let i = 0; i < CLIENTS; i++) {
    conversations.add(
      await connect({
        ...FRONT[setup],
        idleTimeout,
        ...(code !== undefined && { code }),
        onEvent: ({ type }) => reconnected += type === "reconnected" ? 1 : 0,
      }),
    );
  }
  const possible = Object.keys(EVENTS).filter((event) =>
    setup !== "cores" || !NOT_ON_ONE_MACHINE.includes(event)
  );
  for (const event of options.events ?? possible) {
    const { answerMs = 0, happen, after } = EVENTS[event]!;
    service.answerMs = options.answerMs ?? answerMs;
    const by: Record<string, number> = {};
    const lost: string[] = [];
    let right = 0;
    let wrong = 0;
    const waits: number[] = [];
    const of = TURNS * conversations.size;
    reconnected = 0;
    service.asked.clear();
    const happening = pause(EVENT_AT_MS).then(() => happen(service));
    await Promise.all(Array.from(conversations, async (conversation, client) => {
      for (let turn = 0; turn < TURNS; turn++) {
        await pause(Math.random() * PAUSE_MS);
        const question = `${event} ${client} ${turn}`;
        const asked = performance.now();
        try {
          const [name, echo] = (await conversation.ask(question)).split("|");
          by[name!] = (by[name!] ?? 0) + 1;
          if (echo === question) right++;
          else wrong++;
        } catch (error) {
          lost.push(String(error));
          conversations.delete(conversation);
          break;
        }
        waits.push(Math.round(performance.now() - asked - service.answerMs));
      }
    }));
    await happening;
    await after?.(service);
    yield {
      setup,
      isPrivate: code !== undefined,
      event,
      of,
      right,
      wrong,
      lost,
      twice: [...service.asked.values()].filter((times) => times > 1).length,
      reconnected,
      waits: waits.sort((a, b) => b - a).slice(0, CLIENTS),
      by,
    };
  }
  await Promise.all(Array.from(conversations, (conversation) => conversation.bye()));
}

/** Runs lines of `ip`, on a machine or in the network of this process. */
async function ip(machine: Machine | undefined, ...lines: readonly string[]): Promise<void> {
  const command = ["ip", "-batch", "-"];
  await run(machine ? machine.at(...command) : command, lines.join("\n") + "\n");
}

function escala(file: string): Promise<string> {
  return Deno.readTextFile(new URL(`../docs/escala/${file}`, import.meta.url));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (import.meta.main) {
  // deno-lint-ignore no-console -- its output
  for await (const figures of day(JSON.parse(Deno.args[0]!))) console.log(JSON.stringify(figures));
}
