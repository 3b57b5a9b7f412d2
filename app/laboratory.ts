/**
 * The laboratory of the two programs, for whoever asks for it: a network that is bad on purpose.
 *
 * @module
 */
import type { ConnectOptions, ServeOptions } from "../protocol.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { Arguments } from "./arguments.ts";
import { describeHarm, HARM_OPTIONS, isDoomed, MAX_DELAY_MS, readHarm } from "./harm.ts";

/** The options that open the laboratory and take a value. */
export const LABORATORY_VALUES: readonly string[] = HARM_OPTIONS;

/** The part of `--ayuda` that is about it. */
export const LABORATORY_HELP = `Laboratorio, para maltratar la red a propósito:
  --perdida P%            pierde ese porcentaje de los datagramas que salen y de los que llegan
  --perdida LISTA         pierde esos datagramas: 2,4-6 son el segundo y del cuarto al sexto, contando
                          juntos los que salen y los que llegan
  --duplicar P%           duplica ese porcentaje
  --desordenar P%         retiene ese porcentaje un momento, para que otros se le adelanten
  --retraso MS            retrasa cada datagrama, hasta ${MAX_DELAY_MS} ms
  --fluctuacion MS        lo retrasa de 0 a MS más, al azar, hasta ${MAX_DELAY_MS} ms
  --semilla N             repite el azar: con la misma semilla se pierden los mismos datagramas`;

/** What the programs know of the laboratory. */
export interface Laboratory {
  /** What `serve` and `connect` are to be given: nothing, where nobody asked for it. */
  readonly options: Pick<ConnectOptions & ServeOptions, "transport">;
}

/**
 * Opens the laboratory, if any of its options is there.
 *
 * @throws {UsageError} If a value is out of bounds.
 */
export async function openLaboratory(args: Arguments, terminal: Terminal): Promise<Laboratory> {
  // Short, because it is to be typed again.
  const harm = readHarm(args, () => Math.floor(1_000_000 * Math.random()));
  const warning = describeHarm(harm);
  if (warning === undefined) return { options: {} };
  // Who does not ask for it does not wait for it either.
  const { BadNetwork } = await import("./bad_network.ts");
  const transport: ConnectOptions["transport"] = (socket) => {
    terminal.notice(warning);
    return new BadNetwork(socket, {
      ...harm,
      isDoomed: (order) => isDoomed(harm, order),
      onPassage: () => {},
    });
  };
  return { options: { transport } };
}
