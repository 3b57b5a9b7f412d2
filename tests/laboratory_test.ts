import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { canRunPrograms, Process, startServer } from "./process.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !canRunPrograms, fn });
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

test("both programs say how they harm the network, and a conversation over both ends right", async () => {
  const harm = ["--perdida=20%", "--duplicar=20%", "--desordenar=20%", "--retraso=2"];
  const told =
    "Red maltratada a propósito: pierde 20 %, duplica 20 %, desordena 20 %, retrasa 2 ms; ";
  const { server, port } = await startServer(...harm, "--semilla=1");
  await using _server = server;
  await using client = new Process("cliente", `--puerto=${port}`, ...harm, "--semilla=2");
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
  assertMatch(client.errors, /^Red maltratada a propósito: pierde 1 %; semilla \d{1,6}\n/);
});
