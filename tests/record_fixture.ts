/**
 * Writes a record without end, for a test that stops it.
 *
 * @module
 */
import { ClassRecord } from "../program/record.ts";

const record = await ClassRecord.open("clase", new Date(), (error) => {
  throw error;
});
for (let number = 1; true; number++) {
  const text = `${number}\n${number}`;
  const texts = [`Cliente: Ana ${number}`, `Pregunta: ${text}`, `Respuesta: ${text}`];
  await record.add(texts, new Date());
  await new Promise((resolve) => setTimeout(resolve, 1));
}
