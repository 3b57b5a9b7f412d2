/**
 * The record of a class: a Markdown file that grows by one entry a question.
 *
 * @module
 */
import { clean } from "../terminal/clean.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { type Arguments, UsageError } from "./arguments.ts";
import { messageOf } from "./words.ts";

/** The only folder that the programs may write to. */
const FOLDER = "registros";

/** Opens the record that `--registro` asks for, if it does. */
export async function openRecord(args: Arguments, terminal: Terminal) {
  const name = args.optional("registro");
  if (name === undefined) return undefined;
  const record = await ClassRecord.open(name, new Date(), (error) => {
    const why = messageOf(error);
    terminal.error(`el registro se queda como está, porque no se puede escribir más: ${why}`);
  });
  terminal.notice(`Registro en ${record.path}`);
  return record;
}

/** A file of questions and answers, whole at any moment up to its last entry. */
export class ClassRecord {
  /** Its path. */
  readonly path: string;
  readonly #file: Deno.FsFile;
  readonly #onError: (error: unknown) => void;
  #size = 0;
  #isBroken = false;
  #written: Promise<void> = Promise.resolve();

  private constructor(path: string, file: Deno.FsFile, onError: (error: unknown) => void) {
    this.path = path;
    this.#file = file;
    this.#onError = onError;
  }

  /**
   * Creates the file: see {@linkcode createFile}.
   *
   * @param onError Called with the error of a write, after which nothing more is written.
   */
  static async open(name: string, now: Date, onError: (error: unknown) => void) {
    const { path, file } = await createFile("registro", "md", name, { now });
    const record = new ClassRecord(path, file, onError);
    await record.#write(`# Registro del ${day(now)}\n`);
    return record;
  }

  /** Adds an entry of some texts, in one write. Resolves once it is on the disk. */
  add(texts: readonly string[], now: Date = new Date()): Promise<void> {
    return this.#write(`\n## ${time(now)}\n\n${texts.map(indented).join("")}`);
  }

  #write(text: string): Promise<void> {
    return this.#written = this.#written.then(async () => {
      if (this.#isBroken) return;
      const bytes = new TextEncoder().encode(text);
      try {
        const length = await this.#file.write(bytes);
        if (length < bytes.length) throw new Error(`solo caben ${length} de ${bytes.length} bytes`);
        await this.#file.syncData();
        this.#size += length;
      } catch (error) {
        this.#isBroken = true;
        await this.#file.truncate(this.#size).catch(() => {});
        this.#onError(error);
      }
    });
  }
}

/**
 * Creates a file in the folder, by default with the date and time as its name, behind `what`, and never over
 * another.
 *
 * @throws {UsageError} If the name is not one of a file, or such a file exists.
 */
export async function createFile(
  option: string,
  extension: string,
  name: string,
  { now = new Date(), what = "", copy = 1 }: { now?: Date; what?: string; copy?: number } = {},
): Promise<{ path: string; file: Deno.FsFile }> {
  if (name !== "" && !/^[\p{L}\p{M}\p{N}_][\p{L}\p{M}\p{N}_. -]{0,99}$/u.test(name)) {
    throw new UsageError(
      `el valor de --${option} debe ser el nombre de un archivo, sin carpetas ni signos: "${name}"`,
    );
  }
  const given = name.endsWith(`.${extension}`) ? name.slice(0, -extension.length - 1) : name;
  const stem = given || `${what}${day(now)} ${time(now).replaceAll(":", ".")}`;
  const path = `${FOLDER}/${stem}${copy > 1 ? ` (${copy})` : ""}.${extension}`;
  try {
    await Deno.mkdir(FOLDER, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      throw new UsageError(`${FOLDER} no es una carpeta: cambie de nombre ese archivo`);
    });
    return { path, file: await Deno.open(path, { write: true, createNew: true }) };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const isThere = error instanceof Deno.errors.AlreadyExists;
    // Two programs may begin in the same second.
    if (isThere && name === "") {
      return await createFile(option, extension, name, { now, what, copy: copy + 1 });
    }
    const problem = isThere
      ? `ya existe ${path}, y no se escribe encima:`
      : `no se puede crear ${path} (${messageOf(error)}): revise la carpeta, o`;
    throw new UsageError(`${problem} elija otro nombre con --${option}`);
  }
}

/** A text in an indented block of Markdown, its further lines deeper: none can pass for an entry. */
function indented(text: string): string {
  const [first, ...more] = text.split(/\r\n|[\n\r\u2028\u2029]/).map(clean);
  return `    ${first}\n${more.map((line) => `        ${line}\n`).join("")}`;
}

/** The date as 2026-11-26. */
function day(date: Date): string {
  return date.toLocaleDateString("sv-SE");
}

/** The time as 09:05:00. */
function time(date: Date): string {
  return date.toLocaleTimeString("sv-SE");
}
