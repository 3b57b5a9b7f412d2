/**
 * The rules that only a client can break.
 *
 * @module
 */
import { decodeText, EMPTY, encodeText } from "../../transport/bytes.ts";
import { seededBytes } from "../random.ts";
import { decodeHello, HELLO_BYTES, type Packet } from "../../transport/reliable/packet.ts";
import { type Arrival, DEADLINE_MS, type Plays, type Trial } from "./trial.ts";
import { admit, hearing, meet, nextHello, type Visit } from "./visit.ts";

/** The rules of clients, at level 0 too. */
export const RULES_OF_CLIENTS: Plays = {
  "0.1": plainly((trial, { datagram }) => {
    trial.demand(decodeText(datagram) !== undefined, "su pregunta no es UTF-8");
  }),
  "0.3": plainly(async (trial) => {
    const text = `${trial.id()}`.padEnd(1_024, "z");
    trial.send(encodeText(text));
    trial.demand(await trial.shown(text) > 0, "no muestra entera una respuesta de 1.024 bytes");
  }),
  "0.4": plainly((trial) =>
    trial.never(() => true, 800, "hace otra pregunta sin esperar la respuesta")
  ),
  "0.5": plainly(async (trial) => {
    const isBye = ({ datagram }: Arrival) => decodeText(datagram) === "bye";
    do {
      trial.clear();
      trial.send(encodeText("NOOOOO"));
    } while (!isBye(await trial.sees(() => true, "no se despide", "«bye»")));
  }),
  "0.7": plainly(async (trial) => {
    for (const it of [Uint8Array.of(0xff, 0xfe, 0xc3), EMPTY, encodeText("NOOOOO")]) trial.send(it);
    await trial.sees(() => true, "deja de preguntar después de un datagrama que no es UTF-8");
  }),
  "0.9": plainly(async (trial) => {
    const cause = "espera para siempre una respuesta que no llega";
    await trial.sees(() => true, cause, "otra pregunta, o «bye»", 12_000);
  }),
  "1.2": async (trial) => {
    const ids = new Set<bigint>();
    for (const _ of [1, 2]) {
      const { packet: { id, attempt }, datagram: { length } } = await nextHello(trial);
      ids.add(id);
      trial.demand(length === HELLO_BYTES, `su HELLO mide ${length} bytes`, "160");
      trial.send({ type: "refuse", id, echo: attempt, payload: Uint8Array.of(1) });
    }
    trial.demand(ids.size === 2, "dos conexiones llevan el mismo número al azar");
  },
  "1.4": knocking(async (trial, { id, attempt }) => {
    const payload = seededBytes(trial.random, 1 + Math.floor(36 * trial.random()));
    trial.send({ type: "retry", id, echo: attempt, payload });
    const isAgain = ({ packet: it }: Arrival) =>
      it?.type === "hello" && it.id === id && it.payload[4] !== 0;
    const cause = "no devuelve la ficha de un RETRY";
    const { packet } = await trial.sees(isAgain, cause, "HELLO con la ficha");
    const isSame = decodeHello(packet!.payload)!.token.join() === payload.join();
    trial.demand(isSame, "devuelve una ficha cambiada");
    admit(trial, packet!);
  }),
  "1.15": async (trial) => {
    const visit = await meet(trial);
    await untilBye(visit);
    visit.send("BYE-ACK");
    await trial.forget(200);
    await trial.never(visit.packets("message"), 600, "sigue preguntando después de despedirse");
  },
  "1.20": knocking(async (trial, { id, attempt }) => {
    trial.send({ type: "refuse", id, echo: attempt, payload: Uint8Array.of(0) });
    await trial.forget(1_000);
    await trial.never({ type: "hello", id }, 2_500, "sigue pidiendo conexión después de un REFUSE");
  }),
  "2.1": knocking(async (trial, { id, attempt }) => {
    const isAgain = ({ packet }: Arrival) => packet?.id === id && packet.attempt > attempt;
    await trial.sees(isAgain, "no reenvía el HELLO", `HELLO, intento ${attempt + 1}`);
    await trial.forget(12_000);
    const cause = "sigue pidiendo conexión después de 15 segundos";
    await trial.never({ type: "hello", id }, 3_000, cause);
  }),
  "2.12": async (trial) => {
    const visit = await meet(trial);
    const { attempt } = await untilBye(visit);
    const isAgain = visit.packets("bye", (it) => it.attempt !== attempt);
    await trial.sees(isAgain, "no reenvía el BYE", `BYE, intento ${attempt + 1}`);
    await trial.forget(10_000);
    await trial.never(visit.packets("bye"), 3_000, "reenvía el BYE para siempre");
  },
  "2.15": async (trial) => {
    const visit = await meet(trial, { idle: 8_000 });
    await visit.hear();
    trial.clear();
    const cause = "no envía ningún PING en medio plazo de inactividad";
    await trial.sees(visit.packets("ping"), cause, "PING", 4_000);
  },
  "3.15": hearing("any", async (visit, _, trial) => {
    await visit.hear();
    await visit.settle();
    visit.send("RESET");
    await trial.never({ type: "hello" }, 700, "cree un RESET al momento");
    const { packet } = await visit.take("PING", "no pregunta con un PING tras un RESET");
    visit.send(`PONG ${packet.number}, eco ${packet.attempt}`);
    await visit.tell();
    await visit.hear();
  }),
  "3.16": asking((visit) => visit.send("RESET")),
  "3.18": hearing("any", async (visit, _, trial) => {
    await visit.hear();
    for (const attempt of [1, 2]) {
      visit.send(`NOTICE 1, intento ${attempt}`, encodeText("Aviso de prueba"));
      await visit.take(`NOTICE-ACK 1, eco ${attempt}`, "no acusa un NOTICE");
    }
    const times = trial.bench.screen.text === "" ? 0 : await trial.shown("Aviso de prueba", 0);
    trial.demand(times < 2, "muestra dos veces el mismo aviso");
  }),
  "3.22": asking((visit) => visit.send("BYE, intento 1, motivo 8")),
};

/** A play that begins with the question of a plain client. */
function plainly(play: (trial: Trial, question: Arrival) => void | Promise<void>) {
  return async (trial: Trial): Promise<void> => {
    const { seen } = trial.bench;
    const isNew = ({ from }: Arrival) => !seen.has(`${from.port}`);
    const cause = "no llega ninguna pregunta: ¿se repite la orden del cliente?";
    const question = await trial.sees(isNew, cause, "un datagrama con el texto", 3 * DEADLINE_MS);
    trial.clear();
    seen.add(`${question.from.port}`);
    trial.peer = question.from;
    await play(trial, question);
  };
}

/** A play that begins with the HELLO of a client. */
function knocking(play: (trial: Trial, hello: Packet) => Promise<void>) {
  return async (trial: Trial): Promise<void> => await play(trial, (await nextHello(trial)).packet);
}

/** Answers until the client says bye. */
async function untilBye(visit: Visit): Promise<Packet> {
  const isNext = visit.packets(
    /bye|message/,
    (it) => it.type === "bye" || it.number === visit.next,
  );
  while (true) {
    const cause = "no se despide al quedarse sin preguntas";
    const { packet } = await visit.trial.sees(isNext, cause, "BYE, motivo 0");
    const [reason] = packet!.payload;
    if (packet!.type === "bye") {
      visit.trial.demand(reason === 0, `se despide con el motivo ${reason}`, "BYE, motivo 0");
      return packet!;
    }
    await visit.hear();
    visit.say(visit.word());
    visit.next++;
  }
}

/** A play in which the client's second question has no answer yet, and has to be repeated in another session. */
function asking(interrupt: (visit: Visit) => void) {
  return async (trial: Trial): Promise<void> => {
    const first = await meet(trial);
    await first.hear();
    await first.tell();
    const text = await first.hear();
    interrupt(first);
    trial.clear();
    const { seen } = trial.bench;
    const isNew = ({ packet }: Arrival) => packet?.type === "hello" && !seen.has(packet.id);
    const hello = await trial.sees(isNew, "no conecta otra vez", "HELLO con otro número", 20_000);
    seen.add(hello.packet!.id);
    trial.peer = hello.from;
    const again = await admit(trial, hello.packet!).hear();
    trial.demand(again === text, "no repite la pregunta que estaba sin responder", `«${text}»`);
  };
}
