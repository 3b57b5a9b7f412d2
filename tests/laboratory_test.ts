import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { canRunPrograms, command, Process, startServer } from "./process.ts";
import { PERFECT } from "../laboratory/network.ts";
import { readHeader } from "../transport/mod.ts";
import { canUsePty, Pty } from "./pty.ts";
import { Relay } from "./relay.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canRunPrograms, fn });
}

/** A datagram as `--traza` shows it. */
interface TraceLine {
  readonly order: number;
  readonly isSent: boolean;
  readonly type: string;
  readonly event: string;
}

/** The lines of a trace. Their columns are as far from the arrow as from the headings. */
function traceOf({ errors }: { errors: string }): TraceLine[] {
  return errors.split("\n").flatMap((line) => {
    // A keepalive has no number: its order is 0.
    const [, before, order, arrow] = /^( *[\d,]+ ([ \d]{3,}?) (?: *\d+ )?)([→←]) /.exec(line) ?? [];
    if (before === undefined) return [];
    const rest = line.slice(before.length);
    const type = rest.slice(2, 9).trimEnd();
    return [{ order: Number(order), isSent: arrow === "→", type, event: rest.slice(46) }];
  });
}

/** Which of the datagrams that were sent, and which of those that were received are lost. */
function fatesOf(trace: readonly TraceLine[]): [sent: boolean[], received: boolean[]] {
  const lost = (isSent: boolean) =>
    trace
      .filter((it) => it.order > 0 && it.isSent === isSent && !it.event.includes("copia"))
      .map(({ event }) => event.includes("perdido aquí"));
  return [lost(true), lost(false)];
}

for (const program of ["servidor", "cliente"] as const) {
  for (
    const { args, error } of [
      {
        args: ["--perdida", "0.25"],
        error: /--perdida debe ser un porcentaje, como 25%, o .*"0.25"/,
      },
      {
        args: ["--perdida", "120%"],
        error: /--perdida debe ser un porcentaje, de 0% a 100%: "120%"/,
      },
      { args: ["--duplicar", "2,4-6"], error: /--duplicar debe ser un porcentaje.*"2,4-6"/ },
      { args: ["--desordenar"], error: /--desordenar le falta su valor/ },
      {
        args: ["--retraso", "1 s"],
        error: /--retraso debe ser un número entero de 0 a 10000: "1 s"/,
      },
      { args: ["--fluctuacion=-5"], error: /--fluctuacion debe ser un número entero .*"-5"/ },
      { args: ["--semilla", "x"], error: /--semilla debe ser un número entero .*"x"/ },
    ]
  ) {
    test(`bad input: ${program} ${args.join(" ")}`, async () => {
      await using process = new Process(program, ...args);
      await process.end();
      assertEquals(await process.exited(), 2, process.errors);
      assertMatch(process.errors, /^Error: .*; vea las opciones con --ayuda\n$/);
      assertMatch(process.errors, error);
      assertEquals(process.output, "");
    });
  }
}

test("both programs say how they impair the network, and a conversation over both ends right", async () => {
  const impairment = ["--perdida=20%", "--duplicar=20%", "--desordenar=20%", "--retraso=2"];
  const told =
    "Red degradada a propósito: pierde el 20 % de los datagramas, duplica el 20 %, desordena el 20 %, retrasa 2 ms; ";
  const { server, port } = await startServer(...impairment, "--semilla=1");
  await using _server = server;
  await using client = new Process("cliente", `--puerto=${port}`, ...impairment, "--semilla=2");
  const numbers = Array.from({ length: 10 }, (_, i) => i + 1);
  await server.write(numbers.map((n) => `respuesta ${n}\n`).join(""));
  await client.write(numbers.map((n) => `pregunta ${n}\n`).join("") + "bye\n");
  assertEquals(await client.exited(), 0, client.errors);
  const turns = numbers.map((n) =>
    `Ingrese una pregunta: pregunta ${n}\nRespuesta: respuesta ${n}\n`
  );
  assertEquals(client.output, turns.join("") + "Ingrese una pregunta: bye\n");
  assertStringIncludes(server.errors, `${told}semilla 1\n`);
  assertStringIncludes(client.errors, `${told}semilla 2\n`);
});

test("who chooses no seed is told the one that was drawn", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await using client = new Process("cliente", `--puerto=${port}`, "--perdida=1%");
  await client.write("bye\n");
  assertEquals(await client.exited(), 0, client.errors);
  assertMatch(
    client.errors,
    /^Red degradada a propósito: pierde el 1 % de los datagramas; semilla \d{1,6}\n/,
  );
});

test("the datagrams of a list are lost, and no other", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await using client = new Process("cliente", `--puerto=${port}`, "--perdida=2,5-6", "--traza");
  await server.write("uno\ndos\n");
  await client.write("a\nb\nbye\n");
  assertEquals(await client.exited(), 0, client.errors);
  assertStringIncludes(
    client.errors,
    "Red degradada a propósito: pierde los datagramas 2 y 5-6\n",
  );
  const trace = traceOf(client).filter(({ order }) => order > 0);
  assertEquals(trace.map(({ order }) => order), trace.map((_, index) => index + 1));
  const lost = trace.filter(({ event }) => event.includes("perdido aquí"));
  assertEquals(lost.map(({ order }) => order), [2, 5, 6]);
  assert(trace.some(({ event }) => event === "reenvío 1"), client.errors);
});

test("the same seed loses the same datagrams each way, and another one others", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  const numbers = Array.from({ length: 10 }, (_, i) => i + 1);
  const run = async (seed: number) => {
    await server.write(numbers.map((n) => `${n}\n`).join(""));
    const impairment = ["--perdida=25%", `--semilla=${seed}`];
    await using client = new Process("cliente", `--puerto=${port}`, "--traza", ...impairment);
    await client.write(numbers.map((n) => `${n}\n`).join("") + "bye\n");
    assertEquals(await client.exited(), 0, client.errors);
    return fatesOf(traceOf(client));
  };
  const [first, second, other] = [await run(1), await run(1), await run(2)];
  // Their number depends on timers, and so may differ.
  const common = (a: boolean[], b: boolean[]) => Math.min(a.length, b.length);
  for (const way of [0, 1]) {
    const [a, b] = [first[way]!, second[way]!];
    assert(common(a, b) >= 10 && a.includes(true), "Too few to see it");
    assertEquals(a.slice(0, common(a, b)), b.slice(0, common(a, b)));
  }
  const [a, b] = [first.flat(), other.flat()];
  assert(a.slice(0, common(a, b)).some((isLost, i) => isLost !== b[i]));
});

for (const end of ["cliente", "servidor"] as const) {
  for (
    const impairment of [["--perdida=2,5-6"], ["--perdida=25%", "--duplicar=20%", "--semilla=3"]]
  ) {
    test(`${end} ${impairment.join(" ")}: trace, summary and a relay outside agree`, async () => {
      const laboratory = [...impairment, "--traza", "--resumen"];
      const { server, port } = await startServer(...end === "servidor" ? laboratory : []);
      await using _server = server;
      const passed = { fromClient: [] as string[], fromServer: [] as string[] };
      const onDatagram = (datagram: Uint8Array, to: Deno.NetAddr) => {
        const type = readHeader(datagram)!.type.toUpperCase();
        passed[to.port === port ? "fromClient" : "fromServer"].push(type);
      };
      await using relay = new Relay({ port, conditions: PERFECT, seed: 1, onDatagram });
      const options = end === "cliente" ? laboratory : [];
      await using client = new Process("cliente", `--puerto=${relay.port}`, ...options);
      const numbers = Array.from({ length: 10 }, (_, i) => `${i + 1}\n`);
      await server.write(numbers.join(""));
      await client.write(numbers.join("") + "bye\n");
      assertEquals(await client.exited(), 0, client.errors);
      await server.until("fin de la conversación");
      server.kill("SIGTERM");
      assertEquals(await server.exited(), 0, server.errors);

      const { errors } = end === "cliente" ? client : server;
      const trace = traceOf({ errors });
      const sent = trace.filter(({ isSent }) => isSent);
      const received = trace.filter(({ isSent, event }) => !isSent && !event.includes("copia"));
      const count = (lines: readonly TraceLine[], word: string) =>
        lines.filter(({ event }) => event.includes(word)).length;
      assert(count(sent, "perdido aquí") + count(received, "perdido aquí") > 2, errors);

      const summary = (name: string) =>
        Number(new RegExp(`^  ${name} +(\\d+)$`, "m").exec(errors)?.[1]);
      assertEquals(summary("enviados"), sent.length);
      assertEquals(summary("de ellos, reenvíos"), count(sent, "reenvío"));
      assertEquals(summary("perdidos al salir"), count(sent, "perdido aquí"));
      assertEquals(summary("duplicados al salir"), count(sent, "duplicado"));
      assertEquals(summary("recibidos"), received.length);
      assertEquals(summary("perdidos al llegar"), count(received, "perdido aquí"));
      assertEquals(summary("duplicados al llegar"), count(received, "duplicado"));

      const left = sent.flatMap(({ type, event }) => {
        if (event.includes("perdido aquí")) return [];
        return event.includes("duplicado") ? [type, type] : [type];
      });
      const arrived = received.map(({ type }) => type);
      const isClient = end === "cliente";
      assertEquals(left, isClient ? passed.fromClient : passed.fromServer);
      const back = isClient ? passed.fromServer : passed.fromClient;
      // Datagrams to a client that is over by then are counted by nobody there.
      const isOver = isClient && arrived.at(-1) === "BYE-ACK";
      assertEquals(arrived, isOver ? back.slice(0, arrived.length) : back);
    });
  }
}

test("in a private room, whose datagrams are sealed, the laboratory sees as much", async () => {
  const { server, port } = await startServer("--codigo", "un-codigo-largo");
  await using _server = server;
  await server.write("sí\n");
  const options = ["--codigo", "un-codigo-largo", "--perdida=5-8", "--traza", "--resumen"];
  await using client = new Process("cliente", `--puerto=${port}`, ...options, "¿Y?");
  assertEquals(await client.exited(), 0, client.errors);
  const shown = traceOf(client).map(({ type, event }) => `${type} ${event}`);
  assert(shown.includes("MESSAGE perdido aquí"), client.errors);
  assert(shown.some((line) => /^MESSAGE reenvío \d+$/.test(line)), client.errors);
  assertMatch(client.errors, /\n {2}ida y vuelta +\d+,\d ms la menor/);
  assertStringIncludes(client.errors, "\nHubo que reenviar la pregunta o su respuesta\n");
});

test("the summary comes after losses, or when it is wanted", async () => {
  const { server, port } = await startServer();
  await using _server = server;
  await server.write("uno\n");
  await using lossy = new Process("cliente", `--puerto=${port}`, "--perdida=1", "¿Y?");
  assertEquals(await lossy.exited(), 0);
  assertMatch(
    lossy.errors,
    /^ {2}perdidos al salir +1\n(?:.*\n)*(?:Hubo que|No hizo falta) reenviar .*\n$/m,
  );
  await server.write("dos\n");
  await using quiet = new Process("cliente", `--puerto=${port}`, "--perdida=100", "¿Y?");
  assertEquals(await quiet.exited(), 0);
  // A slow machine may have sent something again, and the summary that comes then says so.
  if (quiet.errors.includes("Lo que hizo la red")) {
    assertMatch(quiet.errors, /(?:reenvíos|rechazados) +[1-9]/);
  }
  await server.write("tres\n");
  await using wanted = new Process("cliente", `--puerto=${port}`, "--resumen", "¿Y?");
  assertEquals(await wanted.exited(), 0);
  assertMatch(wanted.errors, /^Lo que hizo la red con los datagramas:\n {2}enviados +\d\n/m);
  assertEquals(wanted.output, "tres\n");
  await using lost = new Process("cliente", `--puerto=${port}`, "--perdida=100%", "¿Y?");
  assertEquals(await lost.exited(), 3);
  assertMatch(
    lost.errors,
    /^Error: ningún servidor .*\nLo que hizo la red(?:.*\n)*.*sin medir\nAl conectar, \d+ reenvíos\n$/m,
  );
});

Deno.test({
  name: "in a terminal the trace appears above the prompt, in colours, and what is typed stays",
  ignore: !canRunPrograms || !canUsePty,
  async fn() {
    const { server, port } = await startServer();
    await using _server = server;
    const words = command("cliente", `--puerto=${port}`, "--traza", "--perdida=1");
    await using client = new Pty(["env", "-u", "NO_COLOR", ...words], { rows: 40 });
    await client.until("Ingrese una pregunta: ");
    await client.type("¿Y?\r");
    await server.until("Ingrese una respuesta: ");
    await server.write("sí\n");
    await client.until("Respuesta: sí\nIngrese una pregunta: ");
    await client.type("a medias");
    await client.until(/^ *\d+,\d +\d+ → ACK +2 .* habla usted\nIngrese una pregunta: a medias$/m);
    assertMatch(client.screen, /^ *\d+,\d {3}1 → HELLO .* perdido aquí$/m);
    assert(client.raw.includes("\x1b[31m"), "A lost datagram is not red");
  },
});

for (const reason of ["NO_COLOR", "no terminal"]) {
  Deno.test({
    name: `the trace has no colours: ${reason}`,
    ignore: !canRunPrograms || !canUsePty,
    async fn() {
      const { server, port } = await startServer();
      await using _server = server;
      const words = command("cliente", `--puerto=${port}`, "--traza", "--perdida=1");
      const errorsApart = reason === "no terminal";
      const environment = errorsApart ? ["env", "-u", "NO_COLOR"] : ["env", "NO_COLOR=1"];
      await using client = new Pty([...environment, ...words], { errorsApart });
      await client.until("Ingrese una pregunta: ");
      const shown = errorsApart ? client.errors : client.raw;
      assertStringIncludes(shown, "perdido aquí");
      // deno-lint-ignore no-control-regex
      assertEquals(shown.match(/\x1b\[(?!0?m)[\d;]*m/g), null);
    },
  });
}
