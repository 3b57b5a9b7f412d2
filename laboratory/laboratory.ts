/**
 * The laboratory of the two programs: a network that is bad on purpose.
 *
 * @module
 */
import type { ConnectOptions, Monitor, ServeOptions } from "../transport/mod.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { ArgumentNames, Arguments } from "../program/arguments.ts";
import { openFile } from "../program/files.ts";
import { describeImpairment, IMPAIRMENT_OPTIONS, readImpairment } from "./impairment.ts";
import { MAX_DELAY_MS } from "./network.ts";

/** The options that open the laboratory. */
export const LABORATORY_OPTIONS: Required<Omit<ArgumentNames, "words">> = {
  values: IMPAIRMENT_OPTIONS,
  optionals: ["captura"],
  flags: ["traza", "resumen"],
};

/** The part of `--ayuda` that is about it. */
export const LABORATORY_HELP = `Laboratorio, para degradar la red a propósito y ver cada datagrama:
  --perdida P%            pierde ese porcentaje de los datagramas que salen y de los que llegan
  --perdida LISTA         pierde esos datagramas: 2,4-6 son el segundo y del cuarto al sexto, contando
                          juntos los que salen y los que llegan
  --duplicar P%           duplica ese porcentaje
  --desordenar P%         retiene ese porcentaje un momento, para que otros se le adelanten
  --retraso MS            retrasa cada datagrama, hasta ${MAX_DELAY_MS} ms
  --fluctuacion MS        lo retrasa de 0 a MS más, al azar, hasta ${MAX_DELAY_MS} ms
  --semilla N             repite el azar: con la misma semilla se pierden los mismos datagramas
  --traza                 muestra cada datagrama en una línea, por la salida de errores
  --resumen               cuenta al final lo que hizo la red, también si no se perdió nada
  --captura [NOMBRE]      escribe cada datagrama en registros/NOMBRE.pcapng, para Wireshark

Cada línea de --traza es un datagrama:
  ms           milisegundos desde el principio
  n.º          su lugar entre los que salen y los que llegan, el que entiende --perdida LISTA; PING y
               PONG no lo tienen, porque los trae el tiempo que se tarda en escribir
  → ←          sale, llega
  tipo         HELLO y RETRY conectan y WELCOME abre la sesión; MESSAGE es un mensaje y ACK, su acuse
               de recibo; PING y PONG preguntan si el otro sigue ahí; BYE y BYE-ACK terminan
  número       del mensaje: impar, pregunta; par, respuesta; 2 7/60 es el séptimo de sus 60 segmentos
  bytes        los que ocupa, con su cabecera
  RTO          milisegundos que se espera un acuse de recibo antes de reenviar: los de este datagrama,
               si sale y se reenvía; si no, los que esperaría el próximo
  turno        a quién le toca hablar después de ese datagrama
  qué le pasó  perdido aquí: esta red lo perdió; reenvío 2: la segunda vez que se reenvía, y desde
               ella (o desde la primera, si es un HELLO) salen de dos en dos; duplicado: sale o llega
               dos veces, y la segunda que llega es la copia; tarde: retenido; +40 ms: lo que se
               retrasó`;

/** A laboratory, or the lack of one. */
export interface Laboratory {
  /** Options for `serve` and `connect`. */
  readonly options: Pick<ConnectOptions & ServeOptions, "transport">;
  /** Tells at the end what the network did, if that is of interest, and ends the capture. */
  conclude(): Promise<void>;
}

/** The part of a terminal that a laboratory writes to. */
type Teller = Pick<Terminal, "notice" | "error" | "colour">;

/**
 * Opens the laboratory that the options ask for, and loads its modules only then.
 *
 * @param role A server has several clients to tell apart.
 * @throws {UsageError} If a value is out of bounds, or a capture file cannot be created.
 */
export async function openLaboratory(
  role: "server" | "client",
  args: Arguments,
  terminal: Teller,
): Promise<Laboratory> {
  const isTraced = args.has("traza");
  const isSummaryWanted = args.has("resumen");
  // Short, because it is to be typed again.
  const impairment = readImpairment(args, { seed: Math.floor(1_000_000 * Math.random()) });
  const warning = describeImpairment(impairment);
  // Both ends may start in the same second.
  const what = role === "server" ? "servidor " : "cliente ";
  const file = await openFile("captura", { args, terminal, what });
  if (warning === undefined && file === undefined && !isTraced && !isSummaryWanted) {
    return { options: {}, async conclude() {} };
  }
  const [{ ImpairedSocket }, { Trace }, { Summary }, { Capture }] = await Promise.all([
    import("./impaired_socket.ts"),
    import("./trace.ts"),
    import("./summary.ts"),
    import("./capture/capture.ts"),
  ]);
  const capture = file && new Capture(file);
  const told = [file && `Captura en ${file.path}`, warning].filter((it) => it !== undefined);
  const summary = new Summary();
  let monitor: Monitor | undefined;
  let impaired: InstanceType<typeof ImpairedSocket> | undefined;
  const transport: ConnectOptions["transport"] = (bound, endpoint) => {
    // The capture holds the datagrams that really leave.
    const socket = capture?.tap(bound) ?? bound;
    if (impaired !== undefined && monitor === endpoint) {
      if (isTraced) terminal.notice(`Se sigue desde el puerto ${socket.address.port}`);
      return impaired = new ImpairedSocket(socket, impaired.options, impaired);
    }
    for (const line of monitor === undefined ? told : []) terminal.notice(line);
    monitor = endpoint;
    const trace = new Trace({
      write: (line) => terminal.notice(line),
      isColoured: terminal.colour("stderr"),
      hasPeers: role === "server",
      startedAt: performance.now(),
    });
    return impaired = new ImpairedSocket(socket, {
      ...impairment,
      onObservation: (observation) => {
        if (isTraced) trace.add(observation, endpoint.inspect(observation.datagram));
        summary.add(observation);
        capture?.add(observation);
      },
    });
  };
  const conclude = async () => {
    const isTold = monitor !== undefined && (isSummaryWanted || summary.hadLosses);
    for (const line of isTold ? summary.lines(monitor!.counters) : []) terminal.notice(line);
    await file?.close();
    // After a command that was wrong, the right one may take the name.
    if (file !== undefined && monitor === undefined) await Deno.remove(file.path);
  };
  return { options: { transport }, conclude };
}
