import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { browserTest, NARROW, WIDE } from "./browser.ts";
import { Hands } from "./hands.ts";

const QUESTION = "Pregunta: ¿HTML es un lenguaje de programacion?";

/** Just before the client asks. */
const START = "instante=950";

browserTest(
  "the first question is lost with the pointer, and arrives by retransmission",
  async ({ hands }) => {
    await hands.follow(START);
    await hands.lose({ name: "MESSAGE 1" });
    assertMatch((await hands.actions()).join(), /^[\d.]+ ms: perdió MESSAGE 1 \(Con protección\)$/);
    assertMatch(await hands.text("aviso"), /perdió MESSAGE 1/);
    await hands.read(QUESTION);
    const datagrams = await hands.datagrams();
    assert(datagrams.includes("MESSAGE 1, del Cliente, lo perdió usted"), datagrams.join("\n"));
    assertMatch(datagrams.join("\n"), /^MESSAGE 1 · reenvío 1, del Cliente, llegó a los \d+ ms$/m);
    assertMatch((await hands.captions()).join("\n"), /venció el plazo de \d+ ms sin acuse/);
  },
);

browserTest(
  "the answer is duplicated with the keyboard, and refused the second time",
  async ({ hands }) => {
    await hands.follow("instante=2000");
    await hands.pressAt({ name: "MESSAGE 2" }, "d");
    assertMatch((await hands.actions()).join(), /ms: duplicó MESSAGE 2 \(Con protección\)$/);
    await hands.read("ya tenía el mensaje 2");
    const shown = (await hands.captions()).filter((it) => it === "Respuesta: NOOOOO");
    assertEquals(shown.length, 1);
  },
);

browserTest("the keyboard loses and delays, and the pointer drags", async ({ hands }) => {
  await hands.follow(START);
  await hands.drag({ name: "«¿HTML", lane: 1 }, 60);
  await hands.drag({ name: "«¿HTML", lane: 1 }, -60);
  await hands.pressAt({ name: "MESSAGE 1" }, "ArrowDown");
  await hands.pressAt({ name: "MESSAGE 1" }, "ArrowDown");
  await hands.pressAt({ name: "MESSAGE 1" }, "Enter");
  const actions = (await hands.actions()).map((it) => it.replace(/^[\d.]+ ms: /, ""));
  assertMatch(actions[0]!, /^retrasó \d{3} ms «¿HTML .*\(UDP solo\)$/);
  assertMatch(actions[1]!, /^duplicó «¿HTML .*\(UDP solo\)$/);
  assertEquals(actions.slice(2), [
    "retrasó 100 ms MESSAGE 1 (Con protección)",
    "retrasó 100 ms MESSAGE 1 (Con protección)",
    "perdió MESSAGE 1 (Con protección)",
  ]);
});

browserTest("stepping back shows each moment as it was", async ({ hands, page }) => {
  await hands.follow(
    "instante=0&perdida=20&duplicados=10&desorden=10&retraso=80&fluctuacion=60&guion=dos&semilla=11",
  );
  const pictures: string[] = [];
  for (let i = 0; i < 30; i++) {
    await page.keyboard.press("ArrowRight");
    pictures.push(await hands.picture());
  }
  assert(new Set(pictures).size > 20);
  for (const picture of pictures.reverse().slice(1)) {
    await page.keyboard.press("ArrowLeft");
    assertEquals(await hands.picture(), picture);
  }
});

browserTest(
  "what was done can be undone, with a button or with the keyboard",
  async ({ hands, page }) => {
    await hands.follow(START);
    await hands.await({ name: "MESSAGE 1" });
    const before = await hands.picture();
    for (const undo of [() => hands.press("deshacer"), () => undoWithKeys()]) {
      await hands.lose({ name: "MESSAGE 1" });
      assertNotEquals(await hands.picture(), before);
      await undo();
      assertEquals(await hands.picture(), before);
      assertEquals(await hands.actions(), []);
    }

    async function undoWithKeys(): Promise<void> {
      await page.keyboard.down("Control");
      await page.keyboard.press("z");
      await page.keyboard.up("Control");
    }
  },
);

browserTest(
  "whoever opens the link sees the same picture",
  async ({ hands, page, browser, address }) => {
    await hands.follow(
      "instante=950&retraso=150&fluctuacion=40&semilla=5&conversaciones=privada+udp",
    );
    await hands.lose({ name: "MESSAGE 1" });
    await hands.pressAt({ name: "MESSAGE 1 · reenvío 1" }, "ArrowDown");
    await hands.read(QUESTION);
    await hands.press("enlace");
    const other = await browser.newPage();
    await other.setViewport(WIDE);
    const copy = new Hands(other, address);
    await copy.follow(new URL(page.url()).hash.slice(1));
    assertMatch(page.url(), /#.*accion=/);
    assertEquals(await copy.actions(), await hands.actions());
    assertEquals(await copy.picture(), await hands.picture());
  },
);

browserTest(
  "it plays, pauses, and starts paused where reduced motion is wished",
  async ({ hands, page, address }) => {
    const moment = () => page.$eval("#instante", (it) => Number((it as HTMLInputElement).value));
    await page.waitForFunction("Number(document.querySelector('#instante').value) > 100");
    await hands.press("reproducir");
    const paused = await moment();
    await page.keyboard.press("ArrowRight");
    assert(await moment() > paused);
    await page.emulateMediaFeatures([{ name: "prefers-reduced-motion", value: "reduce" }]);
    await page.goto("about:blank");
    await page.goto(address);
    assertMatch(await hands.text("reproducir"), /Reproducir/);
    assertEquals(await moment(), 0);
  },
);

browserTest("people ask and answer in its boxes", async ({ hands, page }) => {
  await hands.follow("guion=nadie&instante=900");
  // As in the program, nothing is sent that is only spaces.
  await page.type("#pregunta", "  ");
  await page.keyboard.press("Enter");
  assertEquals(await hands.actions(), []);
  await page.$eval("#pregunta", (it) => (it as HTMLInputElement).value = "");
  await page.type("#pregunta", "¿Y CSS?");
  await page.keyboard.press("Enter");
  await hands.read("Pregunta: ¿Y CSS?");
  await page.type("#respuesta", "Tampoco");
  await page.keyboard.press("Enter");
  await hands.read("Respuesta: Tampoco");
  await hands.read("Respuesta: Tampoco", 1);
  assertEquals((await hands.actions()).length, 2);
});

browserTest("a link that makes no sense is told of", async ({ hands }) => {
  for (
    const hash of ["semilla=x", "accion=5+perder+1", "red=1", "ejercicio=ninguno", "guion=%ff"]
  ) {
    await hands.follow(hash);
    assertMatch(
      await hands.text("error"),
      /^El enlace no vale: .+\. Se muestra la conversación original\.$/,
    );
  }
});

browserTest("the table tells of each datagram what the diagram shows", async ({ hands, page }) => {
  await hands.follow("instante=3000&semilla=3&perdida=30&retraso=80");
  await page.click("#tabla summary");
  await page.waitForSelector("#tabla td");
  const rows = await page.$$eval(
    "#tabla tr:has(td)",
    (all) => all.map((row) => [...row.children].map((cell) => cell.textContent!)),
  );
  const drawn = [...await hands.datagrams(0), ...await hands.datagrams(1)];
  const told = new Set(rows.map(([, , , end, name, , fate]) => `${name}, del ${end}, ${fate}`));
  assert(drawn.length > 2);
  for (const one of drawn) assert(told.has(one), one);
});

browserTest("a datagram shows its fields as Wireshark names them", async ({ hands }) => {
  await hands.follow(START);
  await (await hands.await({ name: "MESSAGE 1" })).hover();
  assertMatch(await hands.text("ficha"), /Número de secuencia \(sequence number\)1/);
});

browserTest(
  "a telephone shows one conversation at a time, as wide as its screen",
  async ({ hands, page }) => {
    await page.setViewport(NARROW);
    await hands.follow(START);
    const seen = () =>
      page.$$eval(
        "#lienzo .carril",
        (lanes) => lanes.map((lane) => (lane as HTMLElement).offsetWidth > 0),
      );
    assertEquals(await seen(), [true, false]);
    await page.click("#cual input[value='1']");
    assertEquals(await seen(), [false, true]);
    await hands.lose({ name: "«¿HTML", lane: 1 });
    assertEquals((await hands.actions()).length, 1);
    // The table made the whole page wider.
    await page.click("#tabla summary");
    await page.waitForSelector("#tabla td");
    const excess = await page.evaluate(() =>
      document.documentElement.scrollWidth - document.documentElement.clientWidth
    );
    assertEquals(excess, 0);
  },
);

// Inline elements have no touch-action, and all of SVG is inline: the finger scrolled instead.
browserTest("a finger drags a datagram down, and loses it", async ({ hands, page }) => {
  await page.setViewport({ ...NARROW, hasTouch: true, isMobile: true });
  await hands.follow(START);
  await hands.dragWithFinger({ name: "MESSAGE 1" }, 60);
  await hands.dragWithFinger({ name: "MESSAGE 1" }, 0);
  assertMatch((await hands.actions()).join(), /retrasó \d+ ms MESSAGE 1 .*perdió MESSAGE 1/);
});

// Browsers refuse more than 100 or 200 changes of an address in some seconds; the link was then an old one.
browserTest("a slider that is dragged changes the address seldom", async ({ hands, page }) => {
  await hands.follow("instante=0");
  const changes = await page.$eval("#instante", (it) => {
    const slider = it as HTMLInputElement;
    let changes = 0;
    const replace = history.replaceState.bind(history);
    history.replaceState = (...all) => (changes++, replace(...all));
    for (let i = 1; i <= 300; i++) {
      slider.value = `${i}`;
      slider.dispatchEvent(new Event("input"));
    }
    return changes;
  });
  assert(changes < 60, `${changes} changes`);
  await page.waitForFunction(() => location.hash.endsWith("instante=300"));
});

browserTest("an exercise can be opened again from its own link", async ({ hands, page }) => {
  await hands.follow("");
  await page.click("#ejercicios a");
  await page.waitForSelector("#veredicto");
  await hands.press("reproducir");
  await page.waitForFunction(() => document.querySelector("#ahora")!.textContent !== "4000 ms");
  await page.click("#ejercicios a");
  assertEquals(await hands.text("ahora"), "4000 ms");
});

browserTest("there is always room in the link for what was done", async ({ hands, page }) => {
  await hands.follow("guion=nadie&instante=0" + "&accion=0+reiniciar".repeat(199));
  await hands.press("reiniciar");
  await hands.press("reiniciar");
  assertMatch(await hands.text("aviso"), /^No caben más acciones/);
  await hands.press("enlace");
  await hands.follow(new URL(page.url()).hash.slice(1));
  assertEquals([(await hands.actions()).length, await hands.text("error")], [200, ""]);
});

// With a scrollbar that came later, the right end of the diagrams was cut off.
browserTest(
  "the diagrams are as wide as their place, whatever scrolls",
  async ({ hands, page }) => {
    await hands.follow(START);
    await (await hands.await({ name: "MESSAGE 1" })).hover();
    await hands.go(9_000);
    const excess = await page.$eval("#lienzo", (it) => it.scrollWidth - it.clientWidth);
    assertEquals(excess, 0);
  },
);

browserTest(
  "the network and the kinds are changed in the page, within bounds, and the back button undoes it",
  async ({ hands, page }) => {
    await hands.follow(START);
    await page.click("details:has(#mandos) > summary");
    const type = async (name: string, text: string) => {
      await page.click(`#mandos [name=${name}]`, { count: 3 });
      await page.keyboard.type(text);
      await page.keyboard.press("Tab");
    };
    const settings = () => new URLSearchParams(new URL(page.url()).hash.slice(1));
    await type("perdida", "10");
    await page.waitForFunction(() => location.hash.includes("perdida=10&"));
    // The live region told of what was seen before.
    await page.waitForFunction(() => document.querySelector("#aviso")!.textContent === "0 ms.");
    await type("retraso", "10001");
    assertEquals(settings().get("retraso"), "200");
    await type("retraso", "80");
    await page.waitForFunction(() => location.hash.includes("retraso=80&"));
    await page.select(".carril[data-lane='1'] .tipo", "private");
    await page.waitForFunction(() => location.hash.includes("conversaciones=proteccion+privada"));
    assertEquals([settings().get("perdida"), settings().get("instante")], ["10", "0"]);
    await hands.read("Pregunta: ", 1);
    await page.goBack();
    await page.waitForFunction(() =>
      document.querySelector<HTMLSelectElement>("[data-lane='1'] .tipo")!.value === "plain"
    );
  },
);
