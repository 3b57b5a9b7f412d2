/**
 * The record of a class: a Markdown file that grows by one entry a question.
 *
 * @module
 */
import { clean } from "../terminal/clean.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { encodeText } from "../transport/bytes.ts";
import type { Arguments } from "./arguments.ts";
import { openFile, timeOfDay, today } from "./files.ts";

/** Adds an entry of some texts to the record. Resolves once it is on the disk. */
export type Recorder = (texts: readonly string[]) => Promise<void>;

/** Opens the record that `--registro` asks for, if it does. */
export async function openRecord(args: Arguments, terminal: Terminal) {
  const file = await openFile("registro", { args, terminal });
  if (file === undefined) return undefined;
  terminal.notice(`Registro en ${file.path}`);
  file.append(encodeText(`# Registro del ${today()}\n`));
  const record: Recorder = (texts) =>
    file.append(encodeText(`\n## ${timeOfDay()}\n\n${texts.map(indented).join("")}`));
  return record;
}

/** A text in an indented block of Markdown, its further lines deeper: none can pass for an entry. */
function indented(text: string): string {
  const [first, ...more] = text.split(/\r\n|[\n\r\u2028\u2029]/).map(clean);
  return `    ${first}\n${more.map((line) => `        ${line}\n`).join("")}`;
}
