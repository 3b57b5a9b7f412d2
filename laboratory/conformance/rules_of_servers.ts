/**
 * The rules that only a server can break.
 *
 * @module
 */
import { decodeText, EMPTY, encodeText } from "../../transport/bytes.ts";
import { decode, encode, encodeHello, type Packet } from "../../transport/reliable/packet.ts";
import { type Arrival, DEADLINE_MS, type Plays, type Trial, Unchecked } from "./trial.ts";
import { meet, speaking, type Visit } from "./visit.ts";

const hello = (token: Uint8Array = EMPTY) =>
  encodeHello({ idleTimeout: 75_000, token, keyShare: EMPTY });

/** Says HELLO, and returns what answers it. */
async function greet(
  trial: Trial,
  id: bigint,
  { attempt = 1, token = EMPTY, via = 0, ms = 1_000 } = {},
) {
  trial.send({ type: "hello", id, attempt, payload: hello(token) }, via);
  const isReply = ({ packet }: Arrival) =>
    packet?.id === id && /welcome|retry|refuse/.test(packet.type);
  return (await trial.poll(isReply, ms))?.packet;
}

/** The rules of servers, at level 0 too. */
export const RULES_OF_SERVERS: Plays = {
  "0.1": async (trial) => {
    const { datagram } = await askPlainly(trial);
    trial.demand(decodeText(datagram) !== undefined, "su respuesta no es UTF-8");
    const isPlain = decode(datagram) === undefined;
    trial.demand(isPlain, "contesta con un paquete de los niveles siguientes");
  },
  "0.3": async (trial) => {
    const text = `${trial.id()}`.padEnd(1_024, "z");
    await askPlainly(trial, { text });
    trial.demand(await trial.shown(text) > 0, "no muestra entera una pregunta de 1.024 bytes");
  },
  "0.6": async (trial) => {
    for (const bye of ["bye", " BYE \t"]) {
      trial.send(encodeText(bye));
      await trial.never(() => true, 500, `responde a «${bye.trim()}»`);
    }
  },
  "0.7": async (trial) => {
    for (const datagram of [EMPTY, Uint8Array.of(0xff, 0xfe, 0xc3)]) trial.send(datagram, 1);
    await trial.forget(300);
    await askPlainly(trial);
  },
  "0.8": async (trial) => {
    for (const via of [0, 1, 0]) {
      trial.demand((await askPlainly(trial, { via })).via === via, "responde a otro cliente");
    }
  },
  "1.3": async (trial) => {
    const id = trial.id();
    for (const attempt of [7, 8, 9]) {
      const reply = await greet(trial, id, { attempt, ms: 2_500 });
      if (reply === undefined) continue;
      const isRight = reply.echo >= 7 && reply.echo <= attempt;
      return trial.demand(isRight, `su eco es ${reply.echo}, y el intento fue ${attempt}`);
    }
    trial.fail("no contesta al HELLO", "WELCOME, RETRY o REFUSE, eco 7");
  },
  "1.5": async (trial) => {
    for (const via of [1, 2]) {
      trial.send({ type: "hello", id: trial.id(), attempt: 1, payload: hello() }, via);
      await trial.sees(() => true, "no contesta al HELLO");
      await trial.rest(1_300);
      const bytes = trial.arrivals.map(({ datagram }) => datagram.length);
      trial.demand(bytes.length === 1, `envía ${bytes.length} datagramas por un HELLO`, "uno");
      trial.demand(bytes[0]! <= 160, `contesta a un HELLO con ${bytes} bytes`, "160 como mucho");
      trial.clear();
    }
  },
  "1.6": async (trial) => {
    const ids: bigint[] = [];
    for (const via of [0, 1, 0, 1]) {
      const visit = await meet(trial, { via });
      ids.push(visit.id);
      if (via === 1) await visit.leave();
    }
    const isNear = (id: bigint, i: number) => BigInt.asIntN(64, id - ids[i]!) ** 2n < 1n << 40n;
    trial.demand(new Set(ids).size === ids.length, "da el mismo identificador a dos conexiones");
    trial.demand(!ids.slice(1).some(isNear), "sus identificadores no son al azar: van seguidos");
  },
  "1.10": async (trial) => {
    const visits: Visit[] = [];
    for (const via of [0, 1, 2]) visits.push(await meet(trial, { via }));
    for (const order of [[0, 1, 2], [1, 0, 2]]) {
      for (const i of order) visits[i]!.say(visits[i]!.word());
      for (const [i, visit] of visits.entries()) {
        const isAnswer = visit.packets("message", (it) => it.number === visit.next + 1);
        const { via } = await trial.sees(isAnswer, `el cliente ${i + 1} no recibe su respuesta`);
        trial.demand(via === i, `la respuesta al cliente ${i + 1} llega al cliente ${via + 1}`);
        visit.next++;
        await visit.hear();
      }
    }
  },
  "1.11": async (trial) => {
    const visit = await meet(trial);
    const text = visit.word();
    const payload = encodeText(`Zoé${text}`);
    trial.send({ type: "message", id: visit.id, number: 1, attempt: 1, ahead: 4, payload });
    await visit.take("MESSAGE 2");
    trial.demand(await trial.shown(text) > 0, "no muestra la pregunta 1");
    const isApart = await trial.shown(`Zoé${text}`, 0) === 0;
    trial.demand(isApart, "muestra el nombre como parte de la pregunta");
  },
  "2.2": async (trial) => {
    const id = trial.id();
    const ids: string[] = [];
    for (let [attempt, token] = [1, EMPTY]; attempt <= 6 && ids.length < 2; attempt++) {
      const reply = await greet(trial, id, { attempt, token, ms: 1_500 });
      if (reply?.type === "retry") token = reply.payload.slice();
      if (reply?.type === "welcome") ids.push(reply.payload.subarray(0, 8).join());
    }
    trial.demand(ids.length === 2, "no contesta a un HELLO repetido", "WELCOME");
    trial.demand(ids[0] === ids[1], "abre otra sesión para un HELLO repetido", "la misma sesión");
  },
  "2.13": async (trial) => {
    const visit = await meet(trial, { isVague: true });
    for (const attempt of [1, 2, 3]) {
      visit.send(`BYE, intento ${attempt}, motivo 0`);
      await visit.take("BYE-ACK", `no confirma el BYE de intento ${attempt}`);
    }
  },
  "3.9": moving(async (visit) => {
    await visit.take("PONG 8", "no hace caso de un paquete que llega desde otra dirección");
  }),
  "3.10": moving(async (visit, trial) => {
    await trial.sees(isChallenge, "no envía un desafío a la dirección nueva", "PING 0, 8 bytes");
    visit.say(visit.word());
    await trial.rest(600);
    const isOther = (it: Arrival) => it.via === 1 && !isChallenge(it);
    await trial.never(isOther, 0, "envía a la dirección nueva algo más que el desafío");
  }),
  "3.11": moving(async (_, trial) => {
    await trial.rest(4_000);
    const sizes = trial.arrivals.filter(({ via }) => via === 1).map((it) => it.datagram.length);
    const bytes = sizes.reduce((sum, it) => sum + it, 0);
    trial.demand(sizes.length <= 3, `envía ${sizes.length} desafíos`, "tres como mucho");
    // The challenge is 8 bytes longer than the PING that causes it.
    trial.demand(bytes <= 3 * 32, `envía ${bytes} bytes a quien no demostró nada`);
  }),
  "3.12": moving(async (visit, trial) => {
    const { packet } = await trial.sees(isChallenge, "no envía un desafío a la dirección nueva");
    visit.send(`PONG 0, eco ${packet!.attempt}`, packet!.payload.slice(), 1);
    await trial.forget(200);
    visit.say(visit.word(), { via: 1 });
    const answer = await visit.take(`MESSAGE ${visit.next + 1}`);
    trial.demand(answer.via === 1, "sigue respondiendo a la dirección de antes");
  }),
  "3.13": async (trial) => {
    const id = trial.id();
    trial.send({ type: "ping", id, number: 1, attempt: 1 });
    await trial.take({ type: "reset", id }, "no contesta a un paquete de una sesión que no conoce");
  },
  "3.14": async (trial) => {
    for (const [type, bytes] of [["reset", 0], ["retry", 36], ["welcome", 12]] as const) {
      trial.send({ type, id: trial.id(), payload: new Uint8Array(bytes) });
      await trial.never(() => true, 200, `contesta a un ${type.toUpperCase()}`);
    }
  },
  "3.17": async (trial) => {
    trial.send(encode({ type: "ping", id: trial.id() }).with(3, 3));
    await trial.take("RESET", "no contesta a un paquete de otra versión");
    trial.send(encode({ type: "reset", id: trial.id() }).with(3, 3));
    await trial.never(() => true, 300, "contesta a un RESET de otra versión");
  },
  "3.20": async (trial) => {
    const isLimited = await demandedToken(trial) !== undefined;
    trial.demand(isLimited, "abre 1.000 sesiones sin que nadie demuestre su dirección", "RETRY");
  },
  "3.21": async (trial) => {
    for (let times = 0; times < 3; times++) {
      const retry = await demandedToken(trial);
      if (retry === undefined) break;
      const [{ id }, token] = [retry, retry.payload.slice()];
      const elsewhere = await greet(trial, id, { attempt: 2, token, via: 1 });
      const other = await greet(trial, trial.id(), { attempt: 2, token });
      // A server that has room again wants no token at all.
      if ((await greet(trial, trial.id()))?.type === "welcome") continue;
      trial.demand(elsewhere?.type !== "welcome", "acepta la ficha desde otro puerto");
      trial.demand(other?.type !== "welcome", "acepta la ficha con otro número al azar");
      const own = await greet(trial, id, { attempt: 3, token, ms: DEADLINE_MS });
      return trial.demand(own?.type === "welcome", "no acepta su propia ficha", "WELCOME");
    }
    throw new Unchecked("el servidor no pide ninguna ficha");
  },
};

const isChallenge = ({ packet, via }: Arrival) =>
  via === 1 && packet?.type === "ping" && packet.payload.length === 8;

/** A play in which the client has just sent a PING from another socket. */
function moving(play: (visit: Visit, trial: Trial) => Promise<void>) {
  return speaking(async (visit, _, trial) => {
    await visit.tell();
    await visit.toSpeak();
    visit.send("PING 8, intento 1", undefined, 1);
    await play(visit, trial);
  });
}

/** Knocks without coming in until the server wants a token. */
async function demandedToken(trial: Trial): Promise<Packet | undefined> {
  for (let knocks = 0; knocks < 1_000; knocks++) {
    const reply = await greet(trial, trial.id());
    if (reply?.type === "retry") return reply;
    if (reply?.type === "refuse") throw new Unchecked("el servidor está lleno");
  }
  return undefined;
}

async function askPlainly(trial: Trial, { text = `¿${trial.id()}?`, via = 0 } = {}) {
  trial.send(encodeText(text), via);
  const answer = await trial.sees(() => true, "no responde a la pregunta", "un texto");
  trial.clear((it) => it === answer);
  return answer;
}
