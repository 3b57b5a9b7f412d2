import { assertEquals, assertStringIncludes } from "@std/assert";
import { PERFECT } from "../laboratory/network.ts";
import { canRunPrograms, Process, startServer } from "./process.ts";
import { Relay } from "./relay.ts";
import { CODE } from "./rooms.ts";

// Windows has no such signals.
const ignore = !canRunPrograms || Deno.build.os === "windows";

async function startClient(port: number, ...args: string[]): Promise<Process> {
  const client = new Process("cliente", "--puerto", `${port}`, ...args);
  await client.until("Conectado con");
  return client;
}

for (const room of [[], ["--codigo", CODE]]) {
  Deno.test({
    name: `a server with "${room}" hands its clients over to the next on its port`,
    ignore,
    async fn() {
      const { server: before, port } = await startServer(...room);
      await using _before = before;
      await using asked = await startClient(port, ...room);
      await asked.write("¿Y?\n");
      await before.until("Ingrese una respuesta: ");
      await using queued = await startClient(port, ...room);
      await queued.write("¿Y?\n");
      await queued.until("hay 1 pregunta antes que la suya");
      await using idle = await startClient(port, ...room);
      await before.until(/(?:Cliente conectado[^]*){3}/);
      before.kill("SIGUSR2");
      assertEquals(await before.exited(), 0);
      assertStringIncludes(before.errors, "Se retiró la pregunta de");
      assertStringIncludes(before.errors, "pasa a otro servidor");

      await using after = new Process("servidor", "--puerto", `${port}`, ...room);
      await after.until("Escuchando en");
      await after.write("sí\nsí\nsí\n");
      for (const client of [asked, queued]) await client.until("Respuesta: sí\n");
      await idle.until("Conectado de nuevo");
      await idle.write("¿Y yo?\n");
      await idle.until("Respuesta: sí\n");
      for (const client of [asked, queued, idle]) {
        assertStringIncludes(client.errors, "El servidor ya no tiene esta conversación");
        await client.write("bye\n");
        assertEquals(await client.exited(), 0);
      }
    },
  });
}

Deno.test({
  name: "a client whose server stops finds another behind the same balancer, with its question",
  ignore,
  async fn() {
    const { server: stopped, port } = await startServer();
    await using _stopped = stopped;
    const { server: other, port: otherPort } = await startServer("--id-servidor", "2");
    await using _other = other;
    await using relay = new Relay({ port, conditions: PERFECT, seed: 1 });
    await using client = await startClient(relay.port, "--traza");
    relay.redirectNew(otherPort);
    stopped.kill("SIGSTOP");
    await client.write("¿Y?\n");
    await other.write("aquí\n");
    await client.until("Respuesta: aquí\n");
    assertStringIncludes(client.errors, "se sigue intentando desde otro puerto");
    assertStringIncludes(client.errors, "Se sigue desde el puerto ");
    await client.write("bye\n");
    assertEquals(await client.exited(), 0);
  },
});
