/**
 * Writes a record without end, for a test that stops it.
 *
 * @module
 */
import { Arguments } from "../program/arguments.ts";
import { openRecord } from "../program/record.ts";
import { Terminal } from "../terminal/terminal.ts";

const names = { values: [], optionals: ["registro"], flags: [], words: 0 };
const record = await openRecord(new Arguments(["--registro=clase"], names), new Terminal());
for (let number = 1; true; number++) {
  const text = `${number}\n${number}`;
  await record!([`Cliente: Ana ${number}`, `Pregunta: ${text}`, `Respuesta: ${text}`]);
  await new Promise((resolve) => setTimeout(resolve, 1));
}
