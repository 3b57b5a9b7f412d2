import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import type { Impairment } from "../impairment.ts";
import config from "../../deno.json" with { type: "json" };
import { CONNECT_TIMEOUT_MS } from "../../transport/mod.ts";
import { bothWays, PERFECT } from "../network.ts";
import { canRunPrograms, taskCommand } from "../../tests/process.ts";
import { canUsePty, Pty } from "../../tests/pty.ts";
import { cases } from "../../tests/whole.ts";
import { draw, drawHeading, WIDTH } from "./diagram.ts";
import { demonstrate, MAX_TOTAL_MS, pausesBefore, playAll } from "./demo.ts";
import type { Play, Scene } from "./play.ts";

const SEEDS = cases(300);
const WHOLE = { question: true, answer: true, bye: true };
const GAVE_UP = "Ningún servidor respondió";
/** Most conversations of a hundred that may not begin, by the part of the datagrams that is lost. */
const MOST_UNREACHED: Readonly<Record<number, number>> = { 0: 0, 0.25: 8, 0.4: 20 };

function impairmentOf(seed: number, loss: number): Impairment {
  return { conditions: { ...PERFECT, loss, delay: 40, jitter: 20 }, dropped: [], seed };
}

function linesOf(play: Play, by: Scene["by"]): string[] {
  return play.scenes.flatMap((scene) =>
    scene.type === "line" && scene.by === by ? [scene.text] : []
  );
}

for (const loss of [0, 0.25, 0.4]) {
  Deno.test(`demo: where ${100 * loss} % is lost the conversation ends right, whatever the seed`, () => {
    let [unreached, heard] = [0, 0];
    for (let seed = 1; seed <= SEEDS; seed++) {
      const play = playAll({ impairment: impairmentOf(seed, loss), isPlain: false });
      if (linesOf(play, "client").includes(GAVE_UP)) {
        unreached++;
        continue;
      }
      const { bye, ...got } = play.got;
      assertEquals(got, { question: true, answer: true }, `Seed ${seed}`);
      if (bye) heard++;
      assertEquals(linesOf(play, "server"), [
        "El servidor UDP listo para recibir preguntas del cliente",
        "Pregunta: ¿HTML es un lenguaje de programacion?",
        "Cliente: 127.0.0.1",
        "Ingrese una respuesta: NOOOOO",
      ], `Seed ${seed}`);
      assertEquals(linesOf(play, "client"), [
        "Ingrese una pregunta: ¿HTML es un lenguaje de programacion?",
        "Respuesta: NOOOOO",
        "Ingrese una pregunta: bye",
      ], `Seed ${seed}`);
    }
    assert(unreached <= MOST_UNREACHED[loss]! * SEEDS / 100, `${unreached} of ${SEEDS}`);
    // A bye does not make people wait: the server may miss it.
    assert(heard >= 0.9 * (SEEDS - unreached), `${heard} of ${SEEDS} heard the bye`);
  });
}

Deno.test("demo: it gives up connecting when the client does", () => {
  const play = playAll({ impairment: impairmentOf(1, 1), isPlain: false });
  const { type, at } = play.scenes.at(-1)!;
  assertEquals([type, linesOf(play, "client")], ["line", [GAVE_UP]]);
  assertEquals(at, CONNECT_TIMEOUT_MS);
});

// It showed the timeout of the end of the conversation: less than what had been waited for.
Deno.test("demo: what is sent again shows the timeout that passed before", () => {
  const impairment = { ...impairmentOf(1, 0), dropped: [[4, 4]] } as const;
  const play = playAll({ impairment, isPlain: false });
  const [lost, again] = play.scenes
    .filter((scene) => scene.type === "crossing")
    .filter(({ header }) => header?.type === "message" && header.number === 1);
  assertEquals([lost?.fate, again?.repeats], ["lost", 1]);
  assertAlmostEquals(again!.expired!, again!.at - lost!.at);
});

// It showed the estimate, 312 ms, for waits of 625 and 1,248 ms.
Deno.test("demo: each wait that is shown is the one that passed, whatever the seed", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const sentAt = new Map<string, number>();
    for (const scene of playAll({ impairment: impairmentOf(seed, 0.4), isPlain: false }).scenes) {
      if (scene.type !== "crossing") continue;
      const { type, number } = scene.header!;
      const packet = `${scene.by} ${type} ${number}`;
      const waited = scene.at - sentAt.get(packet)!;
      if (scene.expired !== undefined && waited > 0) {
        assertAlmostEquals(scene.expired, waited, 1e-6, `Seed ${seed}`);
      }
      sentAt.set(packet, scene.at);
    }
  }
});

Deno.test("demo: step by step, each datagram has its cause, which fits below it", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { conditions, ...rest } = impairmentOf(seed, 0.4);
    const impairment = { ...rest, conditions: { ...conditions, duplication: 0.3 } };
    const lines = demonstrate({
      impairment,
      isPlain: false,
      isColoured: false,
      isExplained: true,
    });
    lines.forEach(({ text, isStep }, i) => {
      assert(text.length <= WIDTH || i === 0, text);
      if (isStep) assertMatch(lines[i + 1]!.text, /^ +\([^()]+\)$/);
    });
  }
});

// Connected again after a long silence, it asked a second time, out of turn, and ended with an error.
Deno.test("demo: thirty datagrams in a row may be lost, and the question is answered", () => {
  for (let first = 3; first <= 8; first++) {
    for (let last = first; last <= 36; last += 5) {
      const impairment = { ...impairmentOf(1, 0), dropped: [[first, last]] } as const;
      const { question, answer } = playAll({ impairment, isPlain: false }).got;
      assertEquals([question, answer], [true, true], `${first}-${last}`);
    }
  }
});

Deno.test("demo: without protection, what is lost stays lost", () => {
  let whole = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const play = playAll({ impairment: impairmentOf(seed, 0.4), isPlain: true });
    const { question, answer, bye } = play.got;
    const sent = play.scenes.filter((scene) => scene.type === "crossing");
    assert(
      sent.length <= 3 && sent.every(({ repeats }) => repeats === 0),
      `Seed ${seed}`,
    );
    const isLost = sent.some(({ fate }) => fate === "lost");
    assertEquals(question && answer && bye, !isLost, `Seed ${seed}`);
    if (!isLost) whole++;
  }
  // Three datagrams have to get through.
  assert(Math.abs(whole / SEEDS - 0.6 ** 3) < 0.1, `${whole} of ${SEEDS}`);
  const unimpaired = playAll({ impairment: impairmentOf(1, 0), isPlain: true });
  assertEquals(unimpaired.got, WHOLE);
});

Deno.test("demo: the same seed plays the same, datagram by datagram, and another one does not", () => {
  const lines = (seed: number) => {
    const { scenes } = playAll({ impairment: impairmentOf(seed, 0.4), isPlain: false });
    return scenes.map((scene) => draw(scene, false));
  };
  assertEquals(lines(1), lines(1));
  assertNotEquals(lines(1), lines(2));
});

Deno.test("demo: a seed loses what it loses to the programs, with and without protection", () => {
  for (const isPlain of [false, true]) {
    const impairment = impairmentOf(333, 0.25);
    const { scenes } = playAll({ impairment, isPlain });
    const { outward, inward } = bothWays<undefined>(impairment.conditions, impairment.seed);
    for (const scene of scenes) {
      if (scene.type !== "crossing") continue;
      const way = scene.by === "client" ? outward : inward;
      const isLost = way.send(undefined, 0).arrivals.length === 0;
      assertEquals(scene.fate === "lost", isLost);
    }
  }
});

Deno.test("demo: listed datagrams are lost, counted as they are sent", () => {
  const impairment = {
    conditions: { ...PERFECT, delay: 40 },
    dropped: [[2, 2], [5, 6]],
    seed: 1,
  } as const;
  const { scenes, got } = playAll({ impairment, isPlain: false });
  const crossings = scenes.filter((scene) => scene.type === "crossing");
  const lost = crossings.flatMap(({ fate }, i) => fate === "lost" ? [i + 1] : []);
  assertEquals(lost, [2, 5, 6]);
  assertEquals(got, WHOLE);
});

Deno.test("demo: it is no wider than a terminal, and the sides are apart", () => {
  assertEquals(drawHeading(false).length, WIDTH);
  for (let seed = 1; seed <= SEEDS; seed++) {
    for (const isPlain of [false, true]) {
      const impairment = impairmentOf(seed, 0.4);
      const conditions = { ...impairment.conditions, duplication: 0.3, reordering: 0.3 };
      const { scenes } = playAll({ impairment: { ...impairment, conditions }, isPlain });
      for (const scene of scenes) {
        const line = draw(scene, false);
        assert(line.length <= WIDTH, line);
        if (scene.by === "client") assertMatch(line, /^(?: {10}| *\d+ ms )[^ ]/);
        else assertEquals(line.length, WIDTH, line);
      }
    }
  }
});

Deno.test("demo: it takes less than ten seconds, however long it took", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    for (const loss of [0, 0.4, 0.9, 1]) {
      const { scenes } = playAll({
        impairment: impairmentOf(seed, loss),
        isPlain: seed % 2 === 0,
      });
      const pauses = pausesBefore(scenes);
      assertEquals(pauses.length, scenes.length);
      const total = pauses.reduce((sum, pause) => sum + pause, 0);
      assert(total <= MAX_TOTAL_MS + 1 && pauses.every((pause) => pause >= 0), `Seed ${seed}`);
    }
  }
});

Deno.test("demo: the tests run it as the task does", () => {
  assertEquals(config.tasks.demo, "deno run --allow-env=TERM laboratory/demo/demo.ts");
});

const SCRIPT = decodeURIComponent(new URL("demo.ts", import.meta.url).pathname);

async function run(...args: string[]) {
  return await type("", ...args);
}

/** Runs the demonstration with what is typed into its pipe. */
async function type(typed: string, ...args: string[]) {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-env=TERM", SCRIPT, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  // It may end before it has read everything.
  await new Blob([typed]).stream().pipeTo(child.stdin).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, output: decoder.decode(stdout), errors: decoder.decode(stderr) };
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canRunPrograms, fn });
}

for (const args of [[], ["--perdida", "40%"], ["--perdida=40%", "--semilla=9"]]) {
  test(`demo: deno task demo ${args.join(" ")}`, async () => {
    const { code, output, errors } = await run(...args);
    assertEquals([code, errors], [0, ""]);
    assertEquals(await run(...args), { code, output, errors });
    assertStringIncludes(output, "\nLa conversación llegó entera\n");
    const plain = await run("--sin-fiabilidad", ...args);
    assertEquals(plain.code, 0);
    assertMatch(plain.output, /\nLa conversación se perdió: .*\n/);
  });
}

test("demo: through a pipe, each line is a step, and its end is the end", async () => {
  const datagrams = (output: string) => output.match(/^ *\d+ ms /gm)?.length ?? 0;
  const [none, three, all] = await Promise.all(
    ["", "\n\n\n", "\n".repeat(99)].map((typed) => type(typed, "--paso")),
  );
  assertEquals([none!.code, three!.code, all!.code], [0, 0, 0]);
  assertEquals([none, three].map((it) => datagrams(it!.output)), [0, 3]);
  assertMatch(all!.output, /^ {10}\(venció el plazo de \d+ ms sin \w+\)$/m);
  const [, count] = /\nLa conversación llegó entera\nDatagramas: (\d+);/.exec(all!.output)!;
  assertEquals(datagrams(all!.output), Number(count));
  assertEquals(all!.errors, "Intro muestra el siguiente datagrama; Ctrl-D termina\n");
});

for (const [name, key] of [["Ctrl-C", "\x03"], ["Ctrl-D", "\x04"]] as const) {
  Deno.test({
    name: `demo: in a terminal, Enter is a step and ${name} the end, and a narrow one is told`,
    ignore: !canRunPrograms || !canUsePty,
    async fn() {
      const command = taskCommand("demo", "--paso");
      await using terminal = new Pty(command, { columns: 60, rows: 50 });
      await terminal.until("Ctrl-D termina");
      await terminal.until("SERVIDOR");
      await terminal.type("\r");
      await terminal.until("(pide conectar)");
      await terminal.type(key);
      await terminal.exited;
      assertStringIncludes(terminal.screen, "Amplíe la terminal a 80 columnas");
      assert(!terminal.screen.includes("RTO"), terminal.screen);
    },
  });
}

test("demo: bad input", async () => {
  const { code, output, errors } = await run("--perdida", "mucha");
  assertEquals([code, output], [2, ""]);
  assertMatch(errors, /^Error: el valor de --perdida .*"mucha".*\n$/);
});

// The task did not let the demo see what terminal it is in: it wrote colours.
Deno.test({
  name: "demo: in a dumb terminal, not one escape sequence",
  ignore: !canRunPrograms || !canUsePty,
  async fn() {
    const command = taskCommand("demo", "--paso", "--perdida", "0%");
    await using terminal = new Pty(["env", "-u", "NO_COLOR", "TERM=dumb", ...command]);
    await terminal.until("SERVIDOR");
    await terminal.type("\r");
    await terminal.until("(pide conectar)");
    await terminal.type("\x04");
    assertEquals(await terminal.exited, 0);
    // The runtime clears its progress before.
    assert(terminal.raw.lastIndexOf("\x1b") < terminal.raw.indexOf("Intro"));
  },
});

Deno.test("demo: a server without protection knows nobody's bye, and that is no late one", () => {
  const impairment = { ...impairmentOf(1, 0), dropped: [[1, 1]] as const };
  const lines = demonstrate({ impairment, isPlain: true, isColoured: false, isExplained: true });
  const told = lines.map(({ text }) => text.trim());
  assertEquals(told.filter((text) => text.startsWith("(")), ["(nadie lo espera: lo descarta)"]);
});
