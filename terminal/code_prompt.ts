/**
 * A prompt for one short line that goes away with its answer: neither is part of the conversation, and the
 * arrows do not bring them back.
 *
 * No permission is needed.
 *
 * @module
 */

import { type Line, onSignal, unlessAborted } from "./streams.ts";

/** The terminal and the end of {@linkcode askCode}; `Deno.stdin` and `Deno.stdout` fit. */
export interface CodePromptOptions {
  /** The keyboard. No more than the line is read from it. */
  input: {
    read(bytes: Uint8Array): Promise<number | null>;
    setRaw(mode: boolean, options?: { cbreak: boolean }): void;
  };
  /** The screen. */
  output: { writeSync(bytes: Uint8Array): number };
  /** Withdraws the prompt when it aborts. */
  signal: AbortSignal;
  /** The lines that a line may become when Tab is pressed. */
  complete: (line: string) => readonly string[];
}

/** One key. An escape sequence that is still incomplete does not match. */
// deno-lint-ignore no-control-regex
const KEY = /^(?:\x1b(?:\[[0-?]*[ -/]*[@-~]|O[^]|[^[O])|[^\x1b])/u;
const ENTER = ["\r", "\n"];
/** Ctrl-C, where that is a key and not a signal (Windows), and Ctrl-D. */
const END = ["\x03", "\x04"];
const BACKSPACE = ["\b", "\x7f"];
const CTRL_U = "\x15";
const CLEAR = "\r\x1b[K";

/**
 * Shows `prompt` and what is typed after it, and takes both away again.
 *
 * @returns The line; null at the end of input or by Ctrl-D; undefined when `signal` aborts.
 */
export async function askCode(
  prompt: string,
  { input, output, signal, complete }: CodePromptOptions,
): Promise<Line> {
  const encoder = new TextEncoder();
  const draw = (text: string) => {
    let bytes = encoder.encode(CLEAR + text);
    while (bytes.length > 0) bytes = bytes.subarray(output.writeSync(bytes));
  };
  let line = "";
  let isOver = false;
  const show = () => {
    // Ctrl-C and Ctrl-Z stay signals where the system can do that.
    input.setRaw(true, { cbreak: Deno.build.os !== "windows" });
    draw(prompt + line);
  };
  // A program that was stopped comes back to a terminal in its own mode.
  const ignore = onSignal("SIGCONT", show);
  show();
  try {
    const read = readLine(input, (key) => {
      line = edited(line, key, complete);
      if (!isOver) draw(prompt + line);
    });
    return await unlessAborted(read.then((ended) => ended ? line : null), signal);
  } finally {
    isOver = true;
    ignore();
    draw("");
    input.setRaw(false);
  }
}

/** Hands each key on, up to Enter; false at another end. */
async function readLine(
  input: CodePromptOptions["input"],
  onKey: (key: string) => void,
): Promise<boolean> {
  const decoder = new TextDecoder();
  const byte = new Uint8Array(1);
  let typed = "";
  while (true) {
    if (await input.read(byte) === null) return false;
    typed += decoder.decode(byte, { stream: true });
    const [key] = KEY.exec(typed) ?? [];
    if (key === undefined) continue;
    typed = "";
    if (ENTER.includes(key)) return true;
    if (END.includes(key)) return false;
    onKey(key);
  }
}

/** The line after one more key. Control keys that are not named here do nothing. */
function edited(line: string, key: string, complete: CodePromptOptions["complete"]): string {
  if (BACKSPACE.includes(key)) return [...line].slice(0, -1).join("");
  if (key === CTRL_U) return "";
  if (key === "\t") return commonStart(complete(line)) || line;
  return key >= " " ? line + key : line;
}

/** The common start of all texts. */
export function commonStart([first = "", ...others]: readonly string[]): string {
  let common = first;
  while (!others.every((other) => other.startsWith(common))) common = common.slice(0, -1);
  return common;
}
