/**
 * The rules that only a client can break.
 *
 * @module
 */
import { decodeText, encodeText } from "../../transport/bytes.ts";
import { seededBytes } from "../random.ts";
import { decodeHello, HELLO_BYTES, type Packet } from "../../transport/reliable/packet.ts";
import { type Arrival, DEADLINE_MS, type Plays, type Trial } from "./trial.ts";
import { admit, hearing, meet, nextHello, type Visit } from "./visit.ts";

/** The rules of clients, at level 0 too. */
export const RULES_OF_CLIENTS: Plays = {
  "0.1": async (trial) => {
    const { datagram } = await plainQuestion(trial);
    trial.demand(decodeText(datagram) !== undefined, "su pregunta no es UTF-8");
  },
  "0.3": async (trial) => {
    const text = `${trial.id()}`.padEnd(1_024, "z");
    await plainQuestion(trial);
    trial.send(encodeText(text));
    trial.demand(await trial.shown(text) > 0, "no muestra entera una respuesta de 1.024 bytes");
  },
  "0.4": async (trial) => {
    await plainQuestion(trial);
    await trial.never(() => true, 800, "hace otra pregunta sin esperar la respuesta");
  },
  "0.5": async (trial) => {
    await plainQuestion(trial);
    const isBye = ({ datagram }: Arrival) => decodeText(datagram) === "bye";
    while (true) {
      trial.clear();
      trial.send(encodeText("NOOOOO"));
      if (isBye(await trial.sees(() => true, "no se despide", "«bye»"))) return;
    }
  },
  "0.7": async (trial) => {
    await plainQuestion(trial);
    trial.send(Uint8Array.of(0xff, 0xfe, 0xc3));
    trial.send(new Uint8Array());
    trial.send(encodeText("NOOOOO"));
    await trial.sees(() => true, "deja de preguntar después de un datagrama que no es UTF-8");
  },
  "0.9": async (trial) => {
    await plainQuestion(trial);
    await trial.sees(
      () => true,
      "espera para siempre una respuesta que no llega",
      "otra pregunta, o «bye»",
      12_000,
    );
  },
  "1.2": async (trial) => {
    const ids: bigint[] = [];
    for (let times = 0; times < 2; times++) {
      const { packet: { id, attempt }, datagram: { length } } = await nextHello(trial);
      ids.push(id);
      trial.demand(length === HELLO_BYTES, `su HELLO mide ${length} bytes`, "160");
      trial.send({ type: "refuse", id, echo: attempt, payload: Uint8Array.of(1) });
    }
    trial.demand(ids[0] !== ids[1], "dos conexiones llevan el mismo número al azar");
  },
  "1.4": async (trial) => {
    const { packet: { id, attempt } } = await nextHello(trial);
    const payload = seededBytes(trial.random, 1 + Math.floor(36 * trial.random()));
    trial.send({ type: "retry", id, echo: attempt, payload });
    const isAgain = ({ packet: it }: Arrival) =>
      it?.type === "hello" && it.id === id && it.payload[4] !== 0;
    const { packet } = await trial.sees(
      isAgain,
      "no devuelve la ficha de un RETRY",
      "HELLO con la ficha",
    );
    const { token } = decodeHello(packet!.payload)!;
    trial.demand(token.join() === payload.join(), "devuelve una ficha cambiada");
    admit(trial, { packet: packet! });
  },
  "1.15": async (trial) => {
    const visit = await meet(trial);
    await untilBye(visit);
    visit.send("BYE-ACK");
    await trial.rest(200);
    trial.clear();
    await trial.never(visit.packets("message"), 600, "sigue preguntando después de despedirse");
  },
  "1.20": async (trial) => {
    const { packet: { id, attempt } } = await nextHello(trial);
    trial.send({ type: "refuse", id, echo: attempt, payload: Uint8Array.of(0) });
    await trial.rest(1_000);
    trial.clear();
    await trial.never({ type: "hello", id }, 2_500, "sigue pidiendo conexión después de un REFUSE");
  },
  "2.1": async (trial) => {
    const { packet: { id, attempt } } = await nextHello(trial);
    const isAgain = ({ packet }: Arrival) => packet?.id === id && packet.attempt > attempt;
    await trial.sees(isAgain, "no reenvía el HELLO", `HELLO, intento ${attempt + 1}`);
    await trial.rest(12_000);
    trial.clear();
    await trial.never(
      { type: "hello", id },
      3_000,
      "sigue pidiendo conexión después de 15 segundos",
    );
  },
  "2.12": async (trial) => {
    const visit = await meet(trial);
    const { attempt } = await untilBye(visit);
    const isAgain = visit.packets("bye", (it) => it.attempt !== attempt);
    await trial.sees(isAgain, "no reenvía el BYE", `BYE, intento ${attempt + 1}`);
    await trial.rest(10_000);
    trial.clear();
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

/** The first datagram of the next plain client. */
async function plainQuestion(trial: Trial): Promise<Arrival> {
  const { seen } = trial.bench;
  const isNew = ({ from }: Arrival) => !seen.has(`${from.port}`);
  const cause = "no llega ninguna pregunta: ¿se repite la orden del cliente?";
  const question = await trial.sees(isNew, cause, "un datagrama con el texto", 3 * DEADLINE_MS);
  trial.clear();
  seen.add(`${question.from.port}`);
  trial.peer = question.from;
  return question;
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
    const cause = "no conecta otra vez";
    const hello = await trial.sees(isNew, cause, "HELLO con otro número al azar", 20_000);
    seen.add(hello.packet!.id);
    trial.peer = hello.from;
    const again = await admit(trial, { packet: hello.packet! }).hear();
    trial.demand(again === text, "no repite la pregunta que estaba sin responder", `«${text}»`);
  };
}
