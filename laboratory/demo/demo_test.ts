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
import { bothWays, PERFECT } from "../network.ts";
import { canRunPrograms } from "../../tests/process.ts";
import { cases } from "../../tests/whole.ts";
import { draw, drawHeading, WIDTH } from "./diagram.ts";
import { MAX_TOTAL_MS, pausesBefore } from "./demo.ts";
import { Play, type Scene } from "./play.ts";

const SEEDS = cases(300);
const WHOLE = { question: true, answer: true, bye: true };

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
    let heard = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const play = new Play({ impairment: impairmentOf(seed, loss), isPlain: false });
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
    // A bye does not make people wait: the server may miss it.
    assert(heard >= 0.9 * SEEDS, `${heard} of ${SEEDS} heard the bye`);
  });
}

// It showed the timeout of the end of the conversation: less than what had been waited for.
Deno.test("demo: what is sent again shows the timeout that passed before", () => {
  const impairment = { ...impairmentOf(1, 0), dropped: [[4, 4]] } as const;
  const play = new Play({ impairment, isPlain: false });
  const [lost, again] = play.scenes
    .filter((scene) => scene.type === "crossing")
    .filter(({ observation: { header } }) => header?.type === "message" && header.number === 1);
  assertEquals([lost?.observation.fate, again?.observation.repeats], ["lost", 1]);
  assertAlmostEquals(again!.rto!, again!.at - lost!.at);
});

// Connected again after a long silence, it asked a second time, out of turn, and ended with an error.
Deno.test("demo: however many datagrams in a row are lost, the question is answered", () => {
  for (let first = 1; first <= 8; first++) {
    for (let last = first; last <= 60; last += 7) {
      const impairment = { ...impairmentOf(1, 0), dropped: [[first, last]] } as const;
      const { question, answer } = new Play({ impairment, isPlain: false }).got;
      assertEquals([question, answer], [true, true], `${first}-${last}`);
    }
  }
});

Deno.test("demo: without protection, what is lost stays lost", () => {
  let whole = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const play = new Play({ impairment: impairmentOf(seed, 0.4), isPlain: true });
    const { question, answer, bye } = play.got;
    const sent = play.scenes.filter((scene) => scene.type === "crossing");
    assert(
      sent.length <= 3 && sent.every(({ observation }) => observation.repeats === 0),
      `Seed ${seed}`,
    );
    const isLost = sent.some(({ observation }) => observation.fate === "lost");
    assertEquals(question && answer && bye, !isLost, `Seed ${seed}`);
    if (!isLost) whole++;
  }
  // Three datagrams have to get through.
  assert(Math.abs(whole / SEEDS - 0.6 ** 3) < 0.1, `${whole} of ${SEEDS}`);
  const unimpaired = new Play({ impairment: impairmentOf(1, 0), isPlain: true });
  assertEquals(unimpaired.got, WHOLE);
});

Deno.test("demo: the same seed plays the same, datagram by datagram, and another one does not", () => {
  const lines = (seed: number) => {
    const { scenes } = new Play({ impairment: impairmentOf(seed, 0.4), isPlain: false });
    return scenes.map((scene) => draw(scene, false));
  };
  assertEquals(lines(1), lines(1));
  assertNotEquals(lines(1), lines(2));
});

Deno.test("demo: a seed loses what it loses to the programs, with and without protection", () => {
  for (const isPlain of [false, true]) {
    const impairment = impairmentOf(333, 0.25);
    const { scenes } = new Play({ impairment, isPlain });
    const { outward, inward } = bothWays<undefined>(impairment.conditions, impairment.seed);
    for (const scene of scenes) {
      if (scene.type !== "crossing") continue;
      const way = scene.by === "client" ? outward : inward;
      const isLost = way.send(undefined, 0).arrivals.length === 0;
      assertEquals(scene.observation.fate === "lost", isLost);
    }
  }
});

Deno.test("demo: listed datagrams are lost, counted as they are sent", () => {
  const impairment = {
    conditions: { ...PERFECT, delay: 40 },
    dropped: [[2, 2], [5, 6]],
    seed: 1,
  } as const;
  const { scenes, got } = new Play({ impairment, isPlain: false });
  const crossings = scenes.filter((scene) => scene.type === "crossing");
  const lost = crossings.flatMap(({ observation }, i) =>
    observation.fate === "lost" ? [i + 1] : []
  );
  assertEquals(lost, [2, 5, 6]);
  assertEquals(got, WHOLE);
});

Deno.test("demo: it is no wider than a terminal, and the sides are apart", () => {
  assertEquals(drawHeading(false).length, WIDTH);
  for (let seed = 1; seed <= SEEDS; seed++) {
    for (const isPlain of [false, true]) {
      const impairment = impairmentOf(seed, 0.4);
      const conditions = { ...impairment.conditions, duplication: 0.3, reordering: 0.3 };
      const { scenes } = new Play({ impairment: { ...impairment, conditions }, isPlain });
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
      const { scenes } = new Play({
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
  assertEquals(config.tasks.demo, "deno run laboratory/demo/demo.ts");
});

async function run(...args: string[]) {
  const script = decodeURIComponent(new URL("demo.ts", import.meta.url).pathname);
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", script, ...args],
    stdin: "null",
  });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, output: decoder.decode(stdout), errors: decoder.decode(stderr) };
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canRunPrograms, fn });
}

for (const args of [[], ["--perdida", "40%"], ["--perdida=40%", "--semilla=7"]]) {
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

test("demo: bad input", async () => {
  const { code, output, errors } = await run("--perdida", "mucha");
  assertEquals([code, output], [2, ""]);
  assertMatch(errors, /^Error: el valor de --perdida .*"mucha".*\n$/);
});
