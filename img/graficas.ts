/**
 * Draws the plots of the pages, as SVG, from the figures in `img/figures/`:
 *
 * ```sh
 * deno task bench --json img/figures/bench.json
 * deno task bench --only tcp --json img/figures/tcp.json
 * deno task graficas
 * ```
 *
 * @module
 */
import { init, type LineSeriesOption, type SeriesOption } from "echarts";
import type { Report } from "../bench/main.ts";
import { median } from "../bench/row.ts";

/** One contender at one rate of loss, in `tcp.json`. */
interface Run {
  readonly contender: string;
  /** Of 100 datagrams each way. */
  readonly loss: number;
  /** Of the turns that ended in an answer, in ms. */
  readonly mean: number | null;
  readonly turns: number;
  readonly unanswered: number;
}

/** One of the plots of a picture, which stand one below the other. */
interface Plot {
  readonly yLabel: string;
  /** Without it, the plot shares the x axis of the one below. */
  readonly xLabel?: string;
  /** Names at equal distances on the x axis, which else is one of numbers. */
  readonly categories?: string[];
  /** Labels of a logarithmic y axis, from its least value; without them it is linear, from 0. */
  readonly ticks?: readonly number[];
  /** Of its area, in px. */
  readonly height: number;
  readonly series: SeriesOption[];
}

/** In px. */
const WIDTH = 760;
const MARGIN = { left: 72, right: 124, top: 80, bottom: 56 };
const GAP = 52;
const PADDING = 12;

const INK = "#24292f";
const GRID = "#e6e9ed";
const TEXT = { color: INK, fontSize: 13, lineHeight: 18 };
const LINE: LineSeriesOption = {
  type: "line",
  symbol: "circle",
  symbolSize: 7,
  // The name, at the right end.
  endLabel: { ...TEXT, show: true, formatter: "{a}", color: "inherit", fontWeight: "bold" },
  labelLayout: { moveOverlap: "shiftY" },
};
const OURS: LineSeriesOption = { name: "este programa", color: "#0969da" };
const ECHO: LineSeriesOption = { name: "eco crudo", color: "#6e7781" };
const ORACLE: LineSeriesOption = {
  name: "oráculo",
  color: "#6e7781",
  symbol: "none",
  lineStyle: { type: "dashed" },
};

const TURN = "ms por turno, de media, con 50 ms de ida y vuelta";
const LOSS = "datagramas que se pierden en cada sentido, en %";

const { rows } = await read<Report>("bench.json");
const onLoss = rows.filter(({ point }) => point?.plot === "loss");
const onClients = rows.filter(({ point }) => point?.plot === "clients");
const ideal = onLoss.map(({ point, baseline }) => [point!.x, median(baseline!)]);
const { contenders } = await read<{ contenders: readonly Run[] }>("tcp.json");
const mostLoss = Math.max(...contenders.map(({ loss }) => loss));

await draw("tcp.svg", "Cuánto tarda un turno en una red que pierde", [
  {
    yLabel: `${TURN} (escala logarítmica)`,
    ticks: [50, 100, 200, 500, 1_000, 2_000, 5_000],
    height: 260,
    series: [
      { name: "TCP", color: "#cf222e", data: runs("TCP", ({ mean }) => mean) },
      { name: "QUIC", color: "#9a6700", data: runs("QUIC", ({ mean }) => mean) },
      { ...OURS, data: runs("ours", ({ mean }) => mean) },
      { ...ORACLE, data: ideal.filter(([loss]) => loss! <= mostLoss) },
    ],
  },
  {
    yLabel: "preguntas sin respuesta, en %",
    xLabel: LOSS,
    height: 90,
    series: [{
      name: "UDP sin más",
      color: "#8250df",
      data: runs("UDP", ({ turns, unanswered }) => 100 * unanswered / turns),
    }],
  },
]);
await draw("perdida.svg", "Cuánto falta para lo mejor posible", [{
  yLabel: TURN,
  xLabel: LOSS,
  height: 260,
  series: [
    { ...OURS, data: onLoss.map(({ point, ours }) => [point!.x, median(ours)]) },
    { ...ORACLE, data: ideal },
  ],
}]);
await draw("clientes.svg", "Cuánto responde un servidor en un solo núcleo", [{
  yLabel: "turnos de 64 bytes por segundo: la mediana, y de la peor ronda a la mejor",
  xLabel: "clientes que preguntan sin pausa",
  categories: onClients.map(({ point }) => format(point!.x)),
  height: 260,
  series: [
    ...rounds(ECHO, onClients.map(({ baseline }) => baseline!)),
    ...rounds(OURS, onClients.map(({ ours }) => ours)),
  ],
}]);

async function read<Figures>(file: string): Promise<Figures> {
  return JSON.parse(await Deno.readTextFile(new URL(`figures/${file}`, import.meta.url)));
}

function runs(contender: string, valueOf: (run: Run) => number | null): [number, number | null][] {
  return contenders.filter((run) => run.contender === contender)
    .map((run) => [run.loss, valueOf(run)]);
}

/** A line of medians; at each, a bar from the worst round to the best. */
function rounds(line: LineSeriesOption, values: readonly (readonly number[])[]): SeriesOption[] {
  const bars = values.map((all) => {
    const middle = median(all);
    return [middle, middle, Math.min(...all), Math.max(...all)];
  });
  const itemStyle = { borderColorDoji: `${line.color}` };
  return [
    { ...line, data: values.map(median) },
    { type: "candlestick", barWidth: 0, itemStyle, data: bars },
  ];
}

async function draw(file: string, title: string, plots: readonly Plot[]): Promise<void> {
  let height = MARGIN.top;
  const grid = plots.map((plot, i) => {
    const top = height + (i && GAP);
    height = top + plot.height;
    return { ...MARGIN, top, height: plot.height };
  });
  height += MARGIN.bottom;
  const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    title: { text: title, left: PADDING, top: PADDING, padding: 0, textStyle: { color: INK } },
    grid,
    xAxis: plots.map(({ xLabel, categories }, gridIndex) => ({
      gridIndex,
      ...categories ? { type: "category", data: categories } : {},
      name: xLabel,
      nameLocation: "middle",
      nameGap: 32,
      nameTextStyle: TEXT,
      axisLabel: { ...TEXT, show: xLabel !== undefined, formatter: format },
      axisLine: { lineStyle: { color: INK } },
      splitLine: { show: false },
    })),
    yAxis: plots.map(({ yLabel, ticks }, gridIndex) => ({
      gridIndex,
      ...ticks && { type: "log", min: ticks[0], max: "dataMax" },
      splitNumber: Math.ceil(grid[gridIndex]!.height / 80),
      name: yLabel,
      nameTextStyle: { ...TEXT, align: "left", padding: [0, 0, 0, PADDING - MARGIN.left] },
      axisLabel: { ...TEXT, formatter: format, customValues: ticks },
      axisLine: { show: false },
      axisTick: { show: false, customValues: ticks },
      splitLine: { lineStyle: { color: GRID } },
    })),
    series: plots.flatMap(({ series }, index) =>
      series.map((one) => ({ ...LINE, xAxisIndex: index, yAxisIndex: index, ...one }))
    ),
  });
  await Deno.writeTextFile(new URL(file, import.meta.url), `${chart.renderToSVGString()}\n`);
  chart.dispose();
}

function format(value: number | string): string {
  return value.toLocaleString("es-ES", { useGrouping: "always" });
}
