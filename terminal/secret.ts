/**
 * A line that is typed without being shown.
 *
 * `promptSecret` of `@std/cli` blocks the event loop, so that Ctrl-C ends the process with the terminal
 * still mute, and takes any key for a part of the secret.
 *
 * No permission is needed.
 *
 * @module
 */

import { onSignal, unlessAborted, Writer } from "./streams.ts";
import type { TerminalInput, TerminalOutput } from "./streams.ts";

/** A keyboard; `Deno.stdin` is one. */
export interface SecretInput extends Pick<TerminalInput, "setRaw"> {
  /** Reads some bytes and returns how many, or null at the end. */
  read(bytes: Uint8Array): Promise<number | null>;
}

/** The terminal, and how {@linkcode askSecret} can be called off. */
export interface SecretOptions {
  /** The keyboard. No more than the line is read from it. */
  input: SecretInput;
  /** The screen. */
  output: TerminalOutput;
  /** Withdraws the prompt when it aborts. */
  signal: AbortSignal;
}

/** A key or a character. */
// deno-lint-ignore no-control-regex
const KEY = /\x1b(?:\[[0-?]*[ -/]*[@-~]|O?[^])|[^]/gu;

/** Enter, Ctrl-C (where that is a key and not a signal: Windows) or Ctrl-D. */
// deno-lint-ignore no-control-regex
const END = /[\r\n\x03\x04]/;

/**
 * Shows `prompt`, and takes it away again.
 *
 * @returns The line; null at the end of input or by Ctrl-D; undefined when `signal` aborts.
 */
export async function askSecret(
  prompt: string,
  { input, output, signal }: SecretOptions,
): Promise<string | null | undefined> {
  const writer = new Writer(output, () => {});
  const show = () => {
    // Ctrl-C and Ctrl-Z stay signals where the system can do that.
    input.setRaw(true, { cbreak: Deno.build.os !== "windows" });
    writer.write(prompt);
  };
  const hide = () => {
    writer.write("\r\x1b[K");
    input.setRaw(false);
  };
  // A program that was stopped comes back to a terminal that echoes.
  const ignore = onSignal("SIGCONT", () => {
    hide();
    show();
  });
  show();
  try {
    return await unlessAborted(readLine(input), signal);
  } finally {
    ignore();
    hide();
  }
}

async function readLine(input: SecretInput): Promise<string | null> {
  const decoder = new TextDecoder();
  const byte = new Uint8Array(1);
  let typed = "";
  let key = "";
  while (!END.test(key)) {
    if (await input.read(byte) === null) return null;
    key = decoder.decode(byte, { stream: true });
    typed += key;
  }
  return /[\r\n]$/.test(key) ? edited(typed) : null;
}

/** The line that the keys leave: Backspace and Ctrl-U delete, other control keys do nothing. */
function edited(typed: string): string {
  let line: string[] = [];
  for (const [key] of typed.matchAll(KEY)) {
    if (key === "\b" || key === "\x7f") line.pop();
    else if (key === "\x15") line = [];
    else if (key >= " ") line.push(key);
  }
  return line.join("");
}
