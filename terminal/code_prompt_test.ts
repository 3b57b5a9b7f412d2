import { assertEquals } from "@std/assert";
import { askCode } from "./code_prompt.ts";

/** A terminal at which somebody has typed. */
class Fake {
  output = "";
  raw = false;
  readonly #typed: number[];
  readonly #isOver: boolean;

  constructor(typed: string, { isOver = true } = {}) {
    this.#typed = [...new TextEncoder().encode(typed)];
    this.#isOver = isOver;
  }

  /** The keys that are still unread. */
  get left(): string {
    return new TextDecoder().decode(Uint8Array.from(this.#typed));
  }

  ask(signal = new AbortController().signal): Promise<string | null | undefined> {
    return askCode("Clave: ", {
      input: {
        setRaw: (mode) => this.raw = mode,
        read: (bytes) => {
          if (this.#typed.length === 0 && !this.#isOver) return new Promise(() => {});
          const read = this.#typed.splice(0, bytes.length);
          bytes.set(read);
          return Promise.resolve(read.length || null);
        },
      },
      output: {
        writeSync: (bytes) => {
          this.output += new TextDecoder().decode(bytes);
          return bytes.length;
        },
      },
      signal,
      complete: (line) => ["tigre", "tigana", "tortuga"].filter((word) => word.startsWith(line)),
    });
  }
}

const CLEAR = "\r\x1b[K";

// The line was made of bytes and of every key: to delete an "ñ" or to move the cursor changed it unseen.
for (
  const { keys, line } of [
    { keys: "la clave\r", line: "la clave" },
    { keys: "la clave\n", line: "la clave" },
    { keys: "contraseña 日本語\r", line: "contraseña 日本語" },
    { keys: "cañ\x7f\x7flave\r", line: "clave" },
    { keys: "c👩\blave\r", line: "clave" },
    { keys: "\x7f\x7fclave\r", line: "clave" },
    { keys: "otra\x15clave\r", line: "clave" },
    { keys: "\x1b[Dc\x1b[1;5Cl\x1bOAa\x1b[3~\x00\x07ve\r", line: "clave" },
    { keys: "tor\t\r", line: "tortuga" },
    { keys: "ti\t\r", line: "tig" },
    { keys: "ti\tr\t\r", line: "tigre" },
    { keys: "x\t\r", line: "x" },
    { keys: "\r", line: "" },
    { keys: "\x04", line: null },
    { keys: "a medias\x04", line: null },
    { keys: "a medias\x03", line: null },
    { keys: "a medias", line: null },
  ]
) {
  Deno.test(`code prompt: ${JSON.stringify(keys)} is ${JSON.stringify(line)}`, async () => {
    const fake = new Fake(keys);
    const answer = fake.ask();
    assertEquals([fake.output, fake.raw], [`${CLEAR}Clave: `, true]);
    assertEquals(await answer, line);
    const rows = fake.output.split(CLEAR);
    if (line !== null) assertEquals(rows.at(-2), `Clave: ${line}`, "what is typed is shown");
    assertEquals([rows.at(-1), fake.raw], ["", false]);
  });
}

Deno.test("code prompt: what is typed behind the line is left for whoever reads next", async () => {
  const fake = new Fake("clave\r¿Qué?\r");
  assertEquals([await fake.ask(), fake.left], ["clave", "¿Qué?\r"]);
});

Deno.test("code prompt: an aborted prompt goes away, and the terminal is as it was", async () => {
  const fake = new Fake("a medias", { isOver: false });
  const stop = new AbortController();
  const answer = fake.ask(stop.signal);
  stop.abort();
  assertEquals(await answer, undefined);
  assertEquals([fake.output.endsWith(CLEAR), fake.raw], [true, false]);
});
