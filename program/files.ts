/**
 * The files that the programs write, all in one folder.
 *
 * @module
 */
import type { Terminal } from "../terminal/terminal.ts";
import { concat } from "../transport/bytes.ts";
import { waitAtMost } from "../transport/driver.ts";
import { type Arguments, UsageError } from "./arguments.ts";

/** The only folder that the programs may write to. */
const FOLDER = "registros";

/** Most bytes that wait for a slow disk. */
const MAX_WAITING_BYTES = 8 * 2 ** 20;

/** Longest that the end of a program waits for the disk, in ms. */
const MAX_CLOSING_MS = 2_000;

const KINDS = {
  registro: { extension: "md", name: "el registro" },
  captura: { extension: "pcapng", name: "la captura" },
};

/**
 * Opens the file that an option asks for, if it does; see {@linkcode createFile}.
 *
 * @param what Precedes the date of a file without a name.
 */
export async function openFile(
  option: keyof typeof KINDS,
  { args, terminal, what }: {
    args: Arguments;
    terminal: Pick<Terminal, "error">;
    what?: string;
  },
) {
  const given = args.optional(option);
  if (given === undefined) return undefined;
  const { extension, name } = KINDS[option];
  const { path, file } = await createFile(option, extension, given, { what });
  return new GrowingFile(path, file, (error) => {
    const why = `porque no se puede escribir más: ${messageOf(error)}`;
    terminal.error(`${name} se queda como está, ${why}`);
  });
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
  { what = "", copy = 1 }: { what?: string | undefined; copy?: number } = {},
): Promise<{ path: string; file: Deno.FsFile }> {
  if (name !== "" && !/^[\p{L}\p{M}\p{N}_][\p{L}\p{M}\p{N}_. -]{0,99}$/u.test(name)) {
    throw new UsageError(
      `el valor de --${option} debe ser el nombre de un archivo, sin carpetas ni signos: "${name}"`,
    );
  }
  const given = name.endsWith(`.${extension}`) ? name.slice(0, -extension.length - 1) : name;
  const stem = given || `${what}${today()} ${timeOfDay().replaceAll(":", ".")}`;
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
      return await createFile(option, extension, name, { what, copy: copy + 1 });
    }
    const problem = isThere
      ? `ya existe ${path}, y no se escribe encima:`
      : `no se puede crear ${path} (${messageOf(error)}): revise la carpeta, o`;
    throw new UsageError(`${problem} elija otro nombre con --${option}`);
  }
}

export type FileTarget = Pick<Deno.FsFile, "write" | "syncData" | "truncate" | "close">;

/** A file that grows. It holds whole entries, also if a write fails. */
export class GrowingFile {
  readonly path: string;
  readonly #file: FileTarget;
  readonly #onError: (error: unknown) => void;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #size = 0;
  #isBroken = false;
  #writing: Promise<void> | undefined;

  /** @param onError Told why nothing more is written, once. */
  constructor(path: string, file: FileTarget, onError: (error: unknown) => void) {
    this.path = path;
    this.#file = file;
    this.#onError = onError;
  }

  /** Adds an entry. Resolves once it is on the disk, or cannot be written. */
  async append(entry: Uint8Array): Promise<void> {
    if (this.#isBroken) return;
    if (this.#waitingBytes + entry.length > MAX_WAITING_BYTES) {
      return this.#stop(new Error("el disco no da abasto"));
    }
    this.#waiting.push(entry);
    this.#waitingBytes += entry.length;
    await (this.#writing ??= this.#write());
  }

  /** Closes the file once all is written, or the disk has taken nothing for too long. */
  async close(): Promise<void> {
    await waitAtMost(MAX_CLOSING_MS, this.#writing ?? Promise.resolve());
    this.#isBroken = true;
    this.#file.close();
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const bytes = concat(this.#waiting);
      this.#waiting = [];
      this.#waitingBytes = 0;
      try {
        for (let end = 0; end < bytes.length;) end += await this.#file.write(bytes.subarray(end));
        await this.#file.syncData();
        this.#size += bytes.length;
      } catch (error) {
        // Half an entry would make a capture unreadable.
        await this.#file.truncate(this.#size).catch(() => {});
        this.#waiting = [];
        this.#stop(error);
      }
    }
    this.#writing = undefined;
  }

  #stop(error: unknown): void {
    if (!this.#isBroken) this.#onError(error);
    this.#isBroken = true;
  }
}

/** The date as 2026-11-26. */
export function today(): string {
  return new Date().toLocaleDateString("sv-SE");
}

/** The time as 09:05:00. */
export function timeOfDay(): string {
  return new Date().toLocaleTimeString("sv-SE");
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
