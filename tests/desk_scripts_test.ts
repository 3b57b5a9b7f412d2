import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../laboratory/random.ts";
import { ConsoleOperator } from "../program/operator.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { type ClientInfo, connect, type QuestionInfo } from "../transport/mod.ts";
import { canRunPrograms, command } from "./process.ts";
import { canUsePty, Pty } from "./pty.ts";
import { testAtLength } from "./whole.ts";

/** A key, or a paste, and the question that stood above it when it came. */
interface Key {
  readonly text: string;
  readonly above: string | undefined;
}

/** A keyboard and a screen on a virtual clock, as the line editor treats them. */
class Desktop {
  readonly interactive = true;
  readonly isTyped = true;
  now = 0;
  /** Lines that were entered, with the question above and the keys. */
  readonly entered = new Map<string, { above: string | undefined; keys: readonly Key[] }>();
  #printed: string | undefined;
  #above: string | undefined;
  #typed: Key[] = [];
  #line: Key[] = [];
  #lastKeyAt = 0;
  #settle: ((line: string | undefined) => void) | undefined;
  #quiet: { at: number; resolve: () => void }[] = [];

  /** Whether a question stands above the prompt. */
  get isAsking(): boolean {
    return this.#settle !== undefined && this.#above !== undefined;
  }

  /** The operator types, or pastes. */
  type(...texts: readonly string[]): void {
    this.#lastKeyAt = this.now;
    this.#typed.push(...texts.map((text) => ({ text, above: this.#above })));
    this.#feed();
  }

  wait(milliseconds: number): void {
    this.now += milliseconds;
    for (const pause of this.#quiet.splice(0)) {
      if (this.#lastKeyAt + pause.at <= this.now) pause.resolve();
      else this.#quiet.push(pause);
    }
  }

  question(prompt: string, { signal }: { signal: AbortSignal }): Promise<string | undefined> {
    if (signal.aborted) return Promise.resolve(undefined);
    this.#above = prompt === "Ingrese una respuesta: " ? this.#printed : undefined;
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#settle = resolve;
    signal.addEventListener("abort", () => this.#answer(undefined));
    this.#feed();
    return promise;
  }

  print(line: string): Promise<void> {
    const [, question] = /^Pregunta: (.*)$/.exec(line) ?? [];
    if (question !== undefined) this.#above = this.#printed = question;
    return Promise.resolve();
  }

  setAside(): boolean {
    const wasAny = this.#typed.length + this.#line.length > 0;
    this.#typed = [];
    this.#line = [];
    return wasAny;
  }

  quiet(milliseconds: number): Promise<void> {
    if (this.#lastKeyAt + milliseconds <= this.now) return Promise.resolve();
    return new Promise((resolve) => this.#quiet.push({ at: milliseconds, resolve }));
  }

  notice(): void {}
  error(): void {}
  status(): void {}
  onInvalidLine(): void {}

  #feed(): void {
    while (this.#settle !== undefined && this.#typed.length > 0) {
      const key = this.#typed.shift()!;
      if (key.text !== "\r") {
        this.#line.push(key);
        continue;
      }
      const keys = this.#line.splice(0);
      const line = keys.map(({ text }) => text).join("");
      this.entered.set(line, { above: this.#above, keys });
      this.#answer(line);
    }
  }

  #answer(line: string | undefined): void {
    if (this.#settle !== undefined && line === undefined) this.#above = undefined;
    this.#settle?.(line);
    this.#settle = undefined;
  }
}

/** Clients that come, ask and leave. */
class Class {
  readonly operator: ConsoleOperator;
  /** Questions that were answered, with their answers. */
  readonly answered = new Map<string, string>();
  #present: { client: ClientInfo; question: string | undefined }[] = [];
  #lastId = 0;
  #lastQuestion = 0;

  constructor(desktop: Desktop) {
    this.operator = new ConsoleOperator(desktop as unknown as Terminal, 1000);
    const addr = { transport: "udp", hostname: "192.0.2.1", port: 12000 };
    const turnAway = () => {};
    this.operator.listening({ addr, turnAway } as never);
  }

  get size(): number {
    return this.#present.length;
  }

  get waiting(): number {
    return this.#present.filter(({ question }) => question !== undefined).length;
  }

  get lastId(): number {
    return this.#lastId;
  }

  come(): void {
    const id = ++this.#lastId;
    const client = {
      id,
      name: id % 3 === 0 ? "Ana" : undefined,
      remoteAddr: { transport: "udp", hostname: `192.0.2.${id % 5}`, port: id },
      signal: new AbortController().signal,
      notify: () => Promise.resolve(true),
      expel: () => this.leave(this.#present.findIndex((one) => one.client === client)),
    } as const;
    this.#present.push({ client, question: undefined });
    this.operator.connected(client);
  }

  ask(index: number): void {
    const asker = this.#present[index];
    if (asker === undefined || asker.question !== undefined) return;
    const question = asker.question = `¿${++this.#lastQuestion}?`;
    const info = { client: asker.client, setAhead() {} } as unknown as QuestionInfo;
    this.operator.answer(question, info).then((answer) => {
      if (asker.question !== question) return;
      asker.question = undefined;
      this.answered.set(question, answer);
    });
  }

  leave(index: number): void {
    const [gone] = this.#present.splice(index, 1);
    if (gone === undefined) return;
    gone.question = undefined;
    this.operator.disconnected(gone.client, "silence");
  }
}

async function settle(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await undefined;
}

async function play(seed: number): Promise<number> {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(limit * random());
  const desktop = new Desktop();
  const students = new Class(desktop);
  let words = 0;
  const word = () => `r${++words} `;
  const someone = () => `${1 + below(students.lastId)}`;
  const acts: readonly (() => void)[] = [
    () => students.size < 30 ? students.come() : undefined,
    () => students.ask(below(students.size)),
    () => students.ask(below(students.size)),
    () => students.leave(below(students.size)),
    () => desktop.type(word()),
    () => desktop.type(word(), "\r"),
    () => desktop.type(word(), "\r"),
    // A paste, with and without the marks that make it one line.
    () => desktop.type(`${word()}\n${word()}\n${word()}`, "\r"),
    () => desktop.type(word(), "\r", word(), "\r", word(), "\r"),
    () => desktop.type("//", word(), "\r"),
    () => desktop.type("/siguiente", "\r"),
    () => desktop.type(`/atender ${someone()}`, "\r"),
    () => desktop.type(`/expulsar ${someone()}`, "\r"),
    () => desktop.type("/siguiente", "\r", word(), "\r"),
    () => desktop.type(["/cola", "/pregunta", "/ayuda", "/nada", "/atender"][below(5)]!, "\r"),
    () => desktop.wait(below(1500)),
    () => desktop.wait(below(1500)),
  ];
  for (let act = 0; act < 500; act++) {
    acts[below(acts.length)]!();
    // Mostly the program gets to do all that it can; at times it is caught at it.
    await settle(below(3) > 0 ? 50 : below(6));
  }
  // The rest is answered with patience.
  for (let turn = 0; students.waiting > 0; turn++) {
    assert(turn < 500, `${students.waiting} questions are never shown`);
    desktop.wait(2000);
    await settle(50);
    if (desktop.isAsking) desktop.type(word(), "\r");
    await settle(50);
  }
  await students.operator.close();
  for (const [question, answer] of students.answered) {
    const line = desktop.entered.get(answer) ?? desktop.entered.get(`/${answer}`)!;
    assertEquals(line.above, question, `${answer} reached the wrong person`);
    for (const { text, above } of line.keys) {
      assertEquals(above, question, `${text} was typed for another`);
    }
  }
  return students.answered.size;
}

Deno.test("1,000 scripts: each answer reaches the person whose question stood above it, or nobody", async () => {
  let answers = 0;
  for (let seed = 1; seed <= 1000; seed++) {
    answers += await play(seed).catch((error) => {
      throw new Error(`Script of seed ${seed}`, { cause: error });
    });
  }
  assert(answers > 10_000, `Only ${answers} answers`);
});

/** One script with the real server in a real terminal: what stands on the screen is what arrives. */
async function playForReal(seed: number): Promise<number> {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(limit * random());
  await using desk = new Pty(command("servidor", "--puerto", "0"), { rows: 10_000 });
  await desk.until(/Escuchando en .*:\d+[^]*Sin preguntas/);
  const port = Number(/Escuchando en .*:(\d+)/.exec(desk.screen)![1]);
  const answered = new Map<string, string>();
  let [questions, words] = [0, 0];
  const word = () => `r${++words}`;
  const students = new Set<Awaited<ReturnType<typeof connect>>>();
  const ask = async (student: Awaited<ReturnType<typeof connect>>) => {
    const question = `¿${++questions}?`;
    await student.ask(question).then((answer) => answered.set(question, answer)).catch(() => {});
  };
  for (let student = 0; student < 6; student++) students.add(await connect({ port }));
  students.forEach(ask);
  const acts: readonly (() => unknown)[] = [
    async () => students.size < 8 && students.add(await connect({ port })),
    () => [...students].filter(() => below(2) > 0).forEach(ask),
    () => [...students].filter(() => below(2) > 0).forEach(ask),
    () => {
      const gone = [...students][below(students.size)];
      if (gone !== undefined && students.delete(gone)) gone.bye();
    },
    () => desk.type(word()),
    () => desk.type(`${word()}\r`),
    () => desk.type(`${word()}\r`),
    () => desk.type(`\x1b[200~${word()}\n${word()}\x1b[201~\r`),
    () => desk.type(`${word()}\r${word()}\r${word()}`),
    () => desk.type(`/siguiente\r${word()}\r`),
    () => desk.type(`/atender ${1 + below(6)}\r`),
  ];
  for (let act = 0; act < 20; act++) {
    await acts[below(acts.length)]!();
    await new Promise((resolve) => setTimeout(resolve, [0, 50, 1200][below(3)]));
  }
  for (let turn = 0; turn < 6; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 1300));
    await desk.type(`${word()}\r`);
  }
  await Promise.all([...students].map((student) => student.bye()));
  const shown = new Map<string, string>();
  let above = "";
  for (
    const [, prompt, text] of desk.screen.matchAll(
      /^(Pregunta|Ingrese una respuesta): (.*(?:\n {4}.*)*)/gm,
    )
  ) {
    if (prompt === "Pregunta") above = text!;
    else shown.set(text!.replaceAll("\n    ", "\n"), above);
  }
  for (const [question, answer] of answered) assertEquals(shown.get(answer), question, answer);
  return answered.size;
}

if (canRunPrograms && canUsePty) {
  testAtLength(
    "20 scripts in real terminals: each answer reaches the person whose question stood above it",
    async () => {
      let answers = 0;
      for (let seed = 1; seed <= 20; seed += 5) {
        const scripts = [0, 1, 2, 3, 4].map((more) => playForReal(seed + more));
        for (const count of await Promise.all(scripts)) answers += count;
      }
      assert(answers > 40, `Only ${answers} answers`);
    },
  );
}
