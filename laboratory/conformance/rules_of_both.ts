/**
 * The rules for servers and clients alike: the tester speaks and hears from the other end.
 *
 * @module
 */
import { seededBytes } from "../random.ts";
import { concat, EMPTY, encodeText } from "../../transport/bytes.ts";
import { encode, MAX_SEGMENT_BYTES, type Packet } from "../../transport/reliable/packet.ts";
import { type Plays, Unchecked } from "./trial.ts";
import { hearing, meet, QUESTIONS, speaking, type Visit } from "./visit.ts";

/** A message of three segments with a word at its end, and another whose ñ the first edge cuts in two. */
const longText = (visit: Visit) =>
  `${"x".repeat(MAX_SEGMENT_BYTES - 1)}${visit.word()}${"y".repeat(1_800)}${visit.word()}`;

/** The rules of both ends. */
export const RULES_OF_BOTH: Plays = {
  "1.1": hearing("any", async (visit, _, trial) => {
    await visit.hear();
    await visit.ping(0x01020304);
    await visit.toSpeak();
    await visit.tell();
    trial.demandPackets("envía datagramas que no son paquetes bien formados");
  }),
  "1.7": speaking(async (visit, _, trial) => {
    trial.send({ type: "ping", id: visit.id ^ 1n, number: 901, attempt: 1 });
    await trial.never("PONG 901", 300, "contesta a un PING de otra sesión");
    await visit.ping(902);
  }),
  "1.8": async (trial) => await (await meet(trial)).turns(4),
  "1.9": async (trial) => {
    const visit = await meet(trial);
    for (const _ of [1, 2]) {
      const last = await visit.toSpeak() - 1;
      const isEarly = visit.packets("message", ({ number }) => number > last);
      await trial.never(isEarly, 700, "habla sin que sea su turno");
      await visit.tell();
    }
  },
  "1.12": speaking(async (visit, _, trial) => {
    await visit.tell("");
    if (trial.bench.role === "client") checkQuestion(visit, 1);
    await visit.toSpeak();
    const [start, end] = [visit.word(), visit.word()];
    const text = start + "á".repeat((MAX_SEGMENT_BYTES - encodeText(start + end).length) / 2) + end;
    await visit.tell(text);
    const isWhole = await trial.shown(text) > 0;
    trial.demand(isWhole, "no muestra entero un mensaje de 1.104 bytes");
  }),
  "1.13": speaking(async (visit, number, trial) => {
    visit.say(visit.word(), { attempt: 9 });
    const has = visit.packets(/./, (it) => visit.has(number)(it) && it.echo === 9);
    const expected = `ACK ${number}, eco 9, o MESSAGE ${number + 1}, eco 9`;
    await trial.sees(has, `no acusa el mensaje ${number}`, expected);
  }),
  "1.14": speaking(async (visit, _, trial) => {
    const payload = seededBytes(trial.random, 8);
    if (trial.bench.role === "client") {
      visit.send("PING 0, intento 1", payload);
      await visit.take({ type: "pong", number: 0, echo: 1, payload }, "no repite el desafío");
    }
    await visit.ping(77, 3);
  }),
  "1.16": speaking(async (visit, number, trial) => {
    visit.send(`BYE, intento 1, motivo ${visit.bye}`);
    await visit.take("BYE-ACK", "no confirma el BYE");
    visit.say(visit.word());
    await trial.never(`ACK ${number}`, 300, "sigue conversando después del BYE");
  }),
  "1.17": speaking(async (visit, _, trial) => {
    for (const [what, datagram] of rubbish(visit)) {
      trial.send(datagram);
      await visit.settle(`deja de contestar después de ${what}`);
    }
  }),
  "1.18": speaking(async (visit, _, trial) => {
    await visit.settle();
    for (const [what, datagram] of rubbish(visit)) {
      trial.clear();
      trial.send(datagram);
      const isReply = (type?: string) => type !== "ping" && type !== "message";
      await trial.never(({ packet }) => isReply(packet?.type), 80, `contesta a ${what}`);
    }
  }),
  "1.19": speaking(async (visit, number, trial) => {
    const [early, right, next] = [visit.word(), visit.word(), number + 2];
    visit.say(early, { number: next });
    await trial.never(`ACK ${next}`, 400, `acusa el mensaje ${next} antes del ${number}`);
    await visit.tell(right);
    await trial.shown(right);
    const isHidden = await trial.shown(early, 0) === 0;
    trial.demand(isHidden, `muestra el mensaje ${next} antes del ${number}`);
  }),
  "2.3": hearing("short", async (visit, { number, attempt, payload }, trial) => {
    const is = visit.packets("message", (it) => it.number === number && it.attempt !== attempt);
    const expected = `MESSAGE ${number}, intento ${attempt + 1}`;
    const again = await trial.sees(is, `no reenvía el mensaje ${number}`, expected, 10_000);
    const isNext = again.packet!.attempt === attempt + 1;
    trial.demand(isNext, "no cuenta los intentos de uno en uno", expected);
    const isSame = again.packet!.payload.join() === payload.join();
    trial.demand(isSame, "reenvía otro texto con el mismo número");
  }),
  "2.4": hearing("short", async (visit, { number }, trial) => {
    const pauses: number[] = [];
    const is = visit.packets("message", (it) => it.number === number);
    for (let last = -Infinity; pauses.length < 12;) {
      const again = await trial.poll(is, 10_000);
      const pause = (again?.at ?? Infinity) - last;
      // Two copies at once are allowed, and a sudden pause is that of a busy machine.
      const isSudden = pause > 4 * (pauses.at(-1) ?? pause);
      if (again === undefined || last > 0 && pause > 950 && !isSudden) return;
      if (pause > 15) last = again.at;
      if (isSudden) pauses.length = 0;
      else if (pause > 15 && pause < Infinity) pauses.push(pause);
    }
    const told = pauses.map(Math.round).join(", ");
    trial.fail(`reenvía a los ${told} ms, y no llega a esperar un segundo`);
  }),
  "2.5": hearing("short", async (visit, { number }) => {
    await visit.hear();
    await visit.isDone(number, `reenvía el mensaje ${number} después de su acuse`);
  }),
  "2.6": hearing("short", async (visit, { number }) => {
    visit.next++;
    await visit.tell();
    await visit.isDone(number, `reenvía el mensaje ${number} aunque llegó el siguiente`);
    await visit.hear();
  }),
  "2.7": speaking(async (visit, number, trial) => {
    const text = visit.word();
    await visit.tell(text);
    await visit.hear();
    trial.clear();
    for (const attempt of [2, 3, 4]) {
      visit.say(text, { number, attempt });
      if (await trial.poll(visit.packets("ack", (it) => it.number === number), 1_200)) return;
    }
    trial.fail(`no vuelve a acusar el mensaje ${number}`, `ACK ${number}, eco 2`);
  }),
  "2.8": speaking(async (visit, number, trial) => {
    const text = visit.word();
    for (const attempt of [1, 1, 2]) visit.say(text, { attempt });
    await visit.tell(text);
    const { segment, payload } = await visit.toHear("any");
    await visit.hear();
    visit.say(text, { number, attempt: 3 });
    await visit.toSpeak();
    await visit.tell();
    await trial.rest(200);
    const isPart = (it: Packet) => it.number === number + 1 && it.segment === segment;
    const isOther = (it: Packet) => isPart(it) && it.payload.join() !== payload.join();
    const cause = "responde dos veces al mismo mensaje, con textos distintos";
    await trial.never(visit.packets("message", isOther), 0, cause);
    const times = await trial.shown(text);
    trial.demand(times === 1, `muestra ${times} veces un mensaje repetido`);
  }),
  "2.9": hearing("short", async (visit, packet, trial) => {
    await visit.hear();
    await visit.settle();
    for (const _ of "12345") visit.acknowledge(packet);
    await trial.never(`MESSAGE ${packet.number}`, 700, "reenvía un mensaje por un ACK repetido");
  }),
  "2.10": speaking(async (visit, number, trial) => {
    trial.clear();
    await visit.ping(5);
    await trial.never(`ACK ${number}`, 300, `acusa el mensaje ${number}, que nadie ha enviado`);
    visit.say("a".repeat(4 * MAX_SEGMENT_BYTES), { order: [0, 2] });
    const isWrong = visit.packets("ack", (it) => it.number !== number || it.segment % 2 > 0);
    await trial.never(isWrong, 800, "acusa lo que no ha recibido");
  }),
  "2.11": speaking(async (visit, old, trial) => {
    await visit.turns(4);
    trial.clear();
    visit.say(visit.word(), { number: old, attempt: 5 });
    visit.send(`ACK ${old + 1}, eco 1`);
    await trial.never(`ACK ${old}`, 400, `acusa el mensaje ${old}, que ya es antiguo`);
    await visit.tell();
  }),
  "2.16": speaking(async (visit, _, trial) => {
    await trial.rest(4_000);
    trial.clear();
    visit.send("PING 7, intento 1");
    await trial.never("PONG 7", 500, "sigue en la sesión cuando el otro calla cuatro plazos");
  }, { idle: 1_000 }),
  "2.17": hearing("short", async (visit, { number }, trial) => {
    for (let i = 0; i < 20; i++) {
      visit.send(`PING ${10 + i}, intento 1`);
      for (const { packet } of trial.arrivals.filter(visit.packets("ping"))) {
        visit.send(`PONG ${packet!.number}, eco ${packet!.attempt}`);
      }
      trial.clear();
      await trial.rest(200);
    }
    const cause = `reenvía el mensaje ${number} pasado el plazo de inactividad`;
    await trial.never(`MESSAGE ${number}`, 1_200, cause);
  }, { idle: 1_000 }),
  "2.18": speaking(async (visit, number, trial) => {
    for (const attempt of [1, 2, 3]) {
      visit.say(longText(visit), { attempt });
      await trial.rest(300);
    }
    if (!trial.arrivals.some(visit.packets("ack", (it) => it.number === number))) return;
    await visit.take(`MESSAGE ${number + 1}`, "acusa los segmentos de un mensaje que no entrega");
  }),
  "2.19": speaking(async (visit, number, trial) => {
    trial.clear();
    const text = visit.word();
    for (const _ of "123456") visit.say(text);
    await trial.rest(600);
    const isReply = visit.packets(/./, (it) => visit.has(number)(it) && it.segment === 0);
    const replies = trial.arrivals.filter(isReply).length;
    trial.demand(replies <= 3, `contesta ${replies} veces a 6 copias del mismo envío`);
  }, { isVague: true }),
  "3.1": hearing("long", async (visit, _, trial) => {
    await visit.hear();
    trial.demandPackets("sus segmentos no son de 1.104 bytes");
    if (trial.bench.role === "client") checkQuestion(visit, 3);
  }),
  "3.2": speaking(async (visit, _, trial) => {
    const text = longText(visit);
    await visit.tell(text, [2, 0, 2, 1, 0]);
    const cause = "no entrega un mensaje con los segmentos desordenados";
    await visit.take(`MESSAGE ${visit.next}`, cause);
    const times = await trial.shown(text.slice(-12));
    trial.demand(times === 1, `muestra ${times} veces un mensaje de tres segmentos`);
  }),
  "3.3": speaking(async (visit, number) => {
    const text = longText(visit);
    for (const segment of [0, 2]) {
      visit.say(text, { order: [segment], attempt: 4 });
      const wanted = `ACK ${number}, segmento ${segment}, eco 4`;
      await visit.take(wanted, `no acusa el segmento ${segment + 1} de 3`);
    }
    await visit.tell(text);
  }),
  "3.4": hearing("long", async (visit, packet, trial) => {
    visit.acknowledge({ ...packet, segment: 0 });
    await visit.settle();
    trial.clear();
    const cause = "no reenvía los segmentos sin acuse";
    await trial.sees(visit.packets("message"), cause, `MESSAGE ${packet.number}`, 10_000);
    await trial.rest(1_000);
    trial.demand(!visit.segments().has(0), "reenvía un segmento que ya está acusado");
  }),
  "3.5": speaking(async (visit, _, trial) => {
    const text = longText(visit);
    await visit.tell(text);
    if (await trial.shown(text.slice(-12)) === 0) return;
    const edge = text.slice(MAX_SEGMENT_BYTES - 2, MAX_SEGMENT_BYTES + 10);
    trial.demand(await trial.shown(edge, 0) > 0, "parte en dos la ñ que cae entre dos segmentos");
  }),
  "3.6": speaking(async (visit, number) => {
    visit.send(`MESSAGE ${number}, intento 1`, Uint8Array.of(0x61, 0xc3, 0x28));
    await visit.take("BYE, motivo 3", "no se despide ante un mensaje que no es UTF-8");
  }),
  "3.7": speaking(async (visit, number, trial) => {
    const payload = new Uint8Array(MAX_SEGMENT_BYTES).fill(0x61);
    visit.send(`MESSAGE ${number}, intento 1, último 60`, payload);
    await trial.never(`ACK ${number}`, 500, "acusa un mensaje de más de 65.536 bytes");
  }),
  "3.8": hearing("long", async (visit, { lastSegment }, trial) => {
    if (lastSegment < 10) throw new Unchecked("hace falta un mensaje de más de diez segmentos");
    await trial.rest(20);
    const isFew = visit.segments().size <= 10;
    trial.demand(isFew, "envía más de diez segmentos sin esperar ningún acuse");
  }),
};

/** Datagrams that are no packets, and what they are. */
function rubbish({ trial, id, next }: Visit): [string, Uint8Array][] {
  const ping = encode({ type: "ping", id, number: 9, attempt: 1 });
  const beyond = encode({ type: "message", id, number: next, segment: 1, lastSegment: 0 });
  return [
    ["un datagrama vacío", EMPTY],
    ["un datagrama de un byte", Uint8Array.of(0x50)],
    ["una cabecera cortada", ping.subarray(0, 23)],
    ["un paquete de tipo 0", ping.with(4, 0)],
    ["un paquete de tipo 200", ping.with(4, 200)],
    ["una firma que no es «PyR»", ping.with(1, 0)],
    ["un datagrama de 1.200 bytes", concat([ping, new Uint8Array(1_176)])],
    ["un segmento que pasa del último", beyond],
    ["bytes al azar", seededBytes(trial.random, 200)],
    ["un texto suelto", encodeText("¿Hola?")],
  ];
}

/** Whether a question of the client, counted from 1, is the one that it was given. */
function checkQuestion({ trial, heard }: Visit, number: number): void {
  const [wanted = "", text = ""] = [QUESTIONS[number - 1], heard[number - 1]];
  const isOther = !text.startsWith(wanted.slice(0, 11));
  trial.demand(isOther || text === wanted, `la pregunta ${number} no llega entera`);
}
