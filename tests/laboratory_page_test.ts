/**
 * The experiments of `docs/laboratorio.md`, as a reader does them: every command runs in a terminal, the
 * words after a prompt on the page are typed there, and the terminal then shows the text of the page,
 * except for times and ports.
 *
 * A block of the page that opens with `sh` and a role is a command, and the block that opens with `text`
 * and the same role is what it shows. A server is closed with Ctrl-C when the others have ended.
 */
import { assert, assertEquals } from "@std/assert";
import { freePort } from "./machine.ts";
import { canRunPrograms } from "./process.ts";
import { canUsePty, Pty } from "./pty.ts";
import { isWhole } from "./whole.ts";

const ROOT = new URL("../", import.meta.url);
const PAGE = new URL("docs/laboratorio.md", ROOT);

/** The port that the page names; the test takes a free one. */
const PAGE_PORT = 12_000;
const CAPTURE = "charla.pcap";
const CTRL_C = "\x03";
const EXPERIMENTS = 6;
/** Part that is left of a timeout that falls far on the page, and the most that is left of it here. */
const FELL_FAR = 0.6;
const FELL = 0.8;
/** Far more than anything takes that is waited for: reached only by a test that fails. */
const PATIENCE_MS = 30_000;
/**
 * Interval between looks at a terminal, and equal looks in a row of one that is at rest: longer than a client
 * waits before it asks whether its first acknowledgement arrived.
 */
const LOOK_MS = 100;
const LOOKS = 16;

type Role = "servidor" | "cliente" | "captura";

/** A command of the page, and what it shows, if the page says so. */
interface Act {
  readonly role: Role;
  readonly command: string;
  shown?: string;
}

/** The scene of an experiment. */
interface Bench {
  readonly directory: string;
  readonly port: number;
  readonly terminals: Pty[];
}

const canRead = Deno.permissions.querySync({ name: "read", path: "." }).state === "granted";
const canRun = canRunPrograms && canUsePty && canRead;
const canCapture = canRun && await succeeds("tshark -i lo -L && tcpdump --version");

for (const [title, acts] of canRead ? await readExperiments() : []) {
  const captures = acts.some(({ role }) => role === "captura");
  Deno.test({
    name: `laboratory page: ${title}`,
    ignore: !isWhole || (captures ? !canCapture : !canRun),
    fn: () => perform(acts),
  });
}

Deno.test({
  name: "laboratory page: there are six experiments, and all of their commands are run",
  ignore: !canRead,
  async fn() {
    const experiments = await readExperiments();
    const acts = [...experiments.values()].flat();
    assertEquals(experiments.size, EXPERIMENTS);
    const fences = (await Deno.readTextFile(PAGE)).match(/^```\w+ .*$/gm)!;
    const shown = acts.filter((act) => act.shown !== undefined);
    assertEquals(fences.length, acts.length + shown.length);
    for (const { role, command, shown } of acts) {
      assert(role === "servidor" || shown !== undefined, `The page does not show: "${command}"`);
    }
  },
});

async function readExperiments(): Promise<Map<string, Act[]>> {
  const [, ...sections] = (await Deno.readTextFile(PAGE)).split(/^## (?=\d)/m);
  return new Map(sections.map((section) => [section.split("\n")[0]!, readActs(section)]));
}

function readActs(section: string): Act[] {
  const acts: Act[] = [];
  const blocks = section.matchAll(/^```(sh|text) (servidor|cliente|captura)\n(.*?)\n```$/gms);
  for (const [, kind, name, text] of blocks) {
    const role = name as Role;
    const last = acts.findLast((act) => act.role === role);
    if (kind === "sh") acts.push({ role, command: text! });
    else if (last !== undefined && last.shown === undefined) last.shown = text!;
    else throw new Error(`Nothing shows this: "${text}"`);
  }
  return acts;
}

async function perform(acts: readonly Act[]): Promise<void> {
  const bench = { directory: await output("mktemp -d"), port: freePort(), terminals: [] };
  const clients = acts.filter(({ role }) => role === "cliente").length;
  const open: Running[] = [];
  try {
    for (const act of acts) {
      // The next command at a terminal waits for the end of the last.
      await open.findLast(({ role }) => role === act.role)?.followed;
      const running = new Running(act, bench);
      open.push(running);
      await running.begun();
    }
    for (const { role, followed } of open) if (role !== "servidor") await followed;
    for (const server of open.filter(({ role }) => role === "servidor")) {
      await server.close(clients);
    }
  } finally {
    for (const running of open) await running[Symbol.asyncDispose]();
    await output(`rm -r '${bench.directory}'`);
  }
}

/** A command of the page at work. */
class Running implements AsyncDisposable {
  readonly role: Role;
  /** Settles when it has shown what the page shows, or, at a server, all that comes before its end. */
  readonly followed: Promise<void>;
  readonly #act: Act;
  readonly #bench: Bench;
  readonly #terminal: Pty;
  readonly #lines: readonly string[];

  constructor(act: Act, bench: Bench) {
    this.role = act.role;
    this.#act = act;
    this.#bench = bench;
    this.#lines = act.shown === undefined ? [] : act.shown.split("\n");
    this.#terminal = new Pty(commandOf(act, bench), { rows: 200, columns: 300 });
    bench.terminals.push(this.#terminal);
    this.followed = this.#follow();
    // It is awaited later, and until then it may fail.
    this.followed.catch(() => {});
  }

  /** Waits until the next command can be given. */
  async begun(): Promise<void> {
    if (this.role === "servidor") await this.#terminal.until("Escuchando en");
    if (!this.#act.command.includes(`-w ${CAPTURE}`)) return;
    // The file is there once the interface is open.
    const file = `${this.#bench.directory}/${CAPTURE}`;
    for (let waited = 0; !await exists(file); waited += LOOK_MS) {
      assert(waited < PATIENCE_MS, `No capture:\n${this.#terminal.screen}`);
      await sleep(LOOK_MS);
    }
  }

  /** Closes a server once that many clients have left. */
  async close(clients: number): Promise<void> {
    await this.followed;
    await this.#terminal.until((screen) =>
      screen.split("Cliente desconectado:").length - 1 === clients
    );
    await this.#terminal.type(CTRL_C);
    await this.#terminal.exited;
    if (this.#act.shown !== undefined) this.#compare(this.#lines);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#terminal[Symbol.asyncDispose]();
  }

  async #follow(): Promise<void> {
    // Answers through a pipe need no typing.
    const isTyped = !this.#act.command.includes("|");
    for (const [index, line] of this.#lines.entries()) {
      const [, prompt, words] = /^(Ingrese una (?:pregunta|respuesta): )(.+)$/.exec(line) ?? [];
      if (prompt === undefined || !isTyped) continue;
      await this.#until([...this.#lines.slice(0, index), prompt]);
      await rest(this.#bench.terminals);
      await this.#terminal.type(`${words}\r`);
    }
    if (this.role === "servidor") return;
    await this.#until(this.#lines);
    await this.#terminal.exited;
    this.#compare(this.#lines);
  }

  async #until(lines: readonly string[]): Promise<void> {
    const wanted = withoutTimes(lines.join("\n"), PAGE_PORT);
    const isShown = (screen: string) => withoutTimes(screen, this.#bench.port) === wanted;
    await this.#terminal.until(isShown).catch(() => {});
    this.#compare(lines);
  }

  #compare(lines: readonly string[]): void {
    const { screen } = this.#terminal;
    const shown = lines.join("\n");
    const { command } = this.#act;
    assertEquals(
      withoutTimes(screen, this.#bench.port),
      withoutTimes(shown, PAGE_PORT),
      `${command}\n${screen}`,
    );
    compareTimeouts(timeoutsOf(screen), timeoutsOf(shown), command);
  }
}

/** Waits until the terminals are at rest: a person types when nothing is under way any more. */
async function rest(terminals: readonly Pty[]): Promise<void> {
  let before = "";
  let same = 0;
  for (let waited = 0; same < LOOKS && waited < PATIENCE_MS; waited += LOOK_MS) {
    await sleep(LOOK_MS);
    const now = terminals.map(({ screen }) => screen).join();
    same = now === before ? same + 1 : 0;
    before = now;
  }
}

/** The command of the page, with a free port in place of the usual one. */
function commandOf({ role, command }: Act, { directory, port }: Bench): string[] {
  const words = command.replaceAll(CAPTURE, `${directory}/${CAPTURE}`)
    .replaceAll(`${PAGE_PORT}`, `${port}`);
  const script = 'cd "$1"; deno=$2; port=$3; ' +
    'deno() { task=$2; shift 2; "$deno" task "$task" --puerto "$port" "$@"; }; eval "$4"';
  // The dissector may be among the plugins of the user already.
  const home = role === "captura" ? ["HOME=/nonexistent", "XDG_CONFIG_HOME=/nonexistent"] : [];
  const environment = ["env", "LC_ALL=C.UTF-8", ...home];
  const root = decodeURIComponent(ROOT.pathname);
  return [...environment, "sh", "-c", script, "sh", root, Deno.execPath(), `${port}`, words];
}

/** The text of a terminal, without the parts that differ each time or that the page leaves out. */
function withoutTimes(shown: string, port: number): string {
  return shown.split("\n")
    .filter((line) => !NOISE.test(line))
    .map((line) =>
      line.trimEnd()
        .replace(` --puerto ${port}`, "")
        .replace(TRACE_LINE, (_, numbers, datagram, _rto, rest) =>
          [numbers.replace(/\d{4,}/, "puerto"), datagram, rest].join(" ").trimEnd())
        .replace(/^ *(\d+) +\d+\.\d+ /, "$1 ")
        .replace(/\b\d+,\d ms\b/g, "T ms")
        .replace(/\b0x[0-9a-f]{16}\b/, "SESSION")
        .replace(/\b127\.0\.0\.1([:.])(\d+)\b/g, (_, mark, number) =>
          `127.0.0.1${mark}${Number(number) === port ? "SERVER" : "CLIENT"}`)
    )
    .join("\n").trim();
}

// Lines of deno task, the terminal, tshark and tcpdump about themselves, the hints of both programs, and
// arrivals and departures, which are told a moment later.
const NOISE =
  /^(?:Task |Cliente (?:des)?conectado: |Conectando con |Para terminar escriba |Sin preguntas |\d+ conectad|\^C$|Running as user |Capturing on | \*\* \(tshark|tshark: $|\d+ packets? captured|reading from file )/;

/** Time, order and port (a keepalive has no order), type to bytes, RTO, and the rest. */
const TRACE_LINE = /^ *\d+,\d +((?:\d+ +)*)([→←] .{22}) (.{5})(.*)$/;

/** Those of all lines but of HELLOs that are sent, which wait for a random time. */
function timeoutsOf(shown: string): string[] {
  return shown.split("\n").flatMap((line) => {
    const [, , datagram, timeout] = TRACE_LINE.exec(line) ?? [];
    return datagram === undefined || datagram.startsWith("→ HELLO") ? [] : timeout!.trim();
  });
}

/**
 * Timeouts before anything was measured are those of the page. Later ones are never shorter than the way
 * there and back, and fall where those of the page fall far.
 */
function compareTimeouts(
  timeouts: readonly string[],
  inPage: readonly string[],
  command: string,
): void {
  const isMeasured = (timeout: string) => timeout !== "" && timeout !== "1000";
  const delay = Number(/--retraso (\d+)/.exec(command)?.[1] ?? 0);
  timeouts.forEach((timeout, index) => {
    if (!isMeasured(inPage[index]!)) assertEquals(timeout, inPage[index]);
    else assert(Number(timeout) >= 2 * delay, `RTO ${timeout}: ${command}`);
  });
  const measured = (all: readonly string[]) =>
    all.filter((_, index) => isMeasured(inPage[index]!)).map(Number);
  const fall = ([first = 0, ...later]: number[], part: number) => later.at(-1)! < part * first;
  if (fall(measured(inPage), FELL_FAR)) {
    assert(fall(measured(timeouts), FELL), `RTO ${timeouts}: ${command}`);
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function output(command: string): Promise<string> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", command] }).output();
  return new TextDecoder().decode(stdout).trim();
}

async function succeeds(command: string): Promise<boolean> {
  return (await new Deno.Command("sh", { args: ["-c", command] }).output()).success;
}
