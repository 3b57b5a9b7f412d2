/**
 * Makes `perdida.png` and `clientes.png`, the plots of the README, of what `deno task bench` wrote:
 *
 * ```sh
 * deno task bench --json cifras.json
 * deno task graficas cifras.json
 * ```
 *
 * @module
 */
import type { Report } from "../bench/main.ts";
import { median, type Row } from "../bench/row.ts";
import { drawPlot, type Plot, type Series } from "./plot.ts";
import { toPng } from "./png.ts";

const OURS = { colour: "#0969da" };
const BASELINE = { colour: "#6e7781" };

const [file] = Deno.args;
if (file === undefined) throw new Error("Give the file that deno task bench --json wrote");
const { rows }: Report = JSON.parse(await Deno.readTextFile(file));

const loss = seriesOf("loss", "este programa", "oráculo");
await write("perdida.png", {
  title: "Cuánto tarda un turno en una red que pierde",
  xLabel: "datagramas que se pierden en cada sentido, en %",
  yLabel: "ms por turno, con 50 ms de ida y vuelta",
  series: [loss.ours, { ...loss.baseline, isReference: true }],
});
const clients = seriesOf("clients", "este programa", "eco crudo");
await write("clientes.png", {
  title: "Cuánto responde un servidor en un solo núcleo",
  xLabel: "clientes que preguntan sin pausa",
  yLabel: "turnos por segundo, de 64 bytes",
  isLogarithmic: true,
  series: [clients.ours, clients.baseline],
});

function seriesOf(
  plot: NonNullable<Row["point"]>["plot"],
  ours: string,
  baseline: string,
): { ours: Series; baseline: Series } {
  const found = rows.filter(({ point }) => point?.plot === plot);
  if (found.length < 2) throw new Error(`There are no figures for the plot "${plot}" in ${file}`);
  const pointsOf = (values: (row: Row) => readonly number[]) =>
    found.map((row) => toPoint(row.point!.x, values(row)));
  return {
    ours: { name: ours, ...OURS, points: pointsOf((row) => row.ours) },
    baseline: { name: baseline, ...BASELINE, points: pointsOf((row) => row.baseline!) },
  };
}

function toPoint(x: number, values: readonly number[]) {
  return { x, y: median(values), min: Math.min(...values), max: Math.max(...values) };
}

async function write(name: string, plot: Plot): Promise<void> {
  await Deno.writeFile(new URL(name, import.meta.url), await toPng(drawPlot(plot)));
}
