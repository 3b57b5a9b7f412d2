import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { layOut } from "../../terminal/layout.ts";
import { Fake, settled } from "../fake_terminal.ts";
import { Screen } from "../pty_screen.ts";

const someCharacters = fc.array(
  fc.constantFrom("a", "ñ", "é", "漢", "👍", " ", "Palabra", "una línea bastante larga "),
  { minLength: 1, maxLength: 8 },
).map((pieces) => pieces.join(""));

Deno.test("property: the screen is the notices, then the prompt and what was typed; the line arrives whole", async () => {
  const steps = fc.array(
    fc.record({
      kind: fc.constantFrom("type", "left", "notice", "withdraw"),
      text: someCharacters,
    }),
    { maxLength: 12 },
  );
  const prompts = fc.constantFrom("> ", "Ingrese una pregunta: ", "p".repeat(40), "漢".repeat(25));
  await fc.assert(
    fc.asyncProperty(steps, prompts, async (steps, prompt) => {
      const fake = new Fake();
      let withdrawal = new AbortController();
      let answer = await fake.ask(prompt, withdrawal.signal);
      let above = "";
      const before: string[] = [];
      const after: string[] = [];
      for (const { kind, text } of steps) {
        if (kind === "type") {
          before.push(...text);
          await fake.type(text);
        } else if (kind === "left") {
          after.unshift(...before.splice(-text.length));
          await fake.type("\x1b[D".repeat(text.length));
        } else if (kind === "notice") {
          above += `${layOut(text, 40)}\n`.replaceAll("\n", "\r\n");
          fake.terminal.notice(text);
          await settled();
        } else {
          withdrawal.abort();
          assertEquals(await answer.line, undefined);
          await settled();
          assertScreen(fake.screen, above);
          withdrawal = new AbortController();
          answer = await fake.ask(prompt, withdrawal.signal);
        }
        assertScreen(fake.screen, above + prompt + before.join("") + after.join(""));
        assertCursor(fake.screen, above + prompt + before.join(""));
      }
      await fake.type("\r");
      assertEquals(await answer.line, [...before, ...after].join(""));
      fake.terminal.close();
    }),
    { numRuns: 60 },
  );
});

/** Blanks at the end of a row look like nothing. */
function assertScreen(screen: Screen, expected: string): void {
  const reference = new Screen(24, 40);
  reference.write(expected);
  const seen = (text: string) => text.replace(/ +$/gm, "").trimEnd();
  assertEquals(seen(screen.text), seen(reference.text));
}

/** The cursor stands where the next narrow character would go. */
function assertCursor(screen: Screen, before: string): void {
  const reference = new Screen(24, 40);
  reference.write(`${before}x\b`);
  assertEquals(screen.cursor, reference.cursor);
}
