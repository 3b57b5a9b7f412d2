/**
 * The scenes of a conversation as lines of text: the client's side on the left, the server's on the
 * right, and each datagram as an arrow between them.
 *
 * @module
 */
import { bold, cyan, gray, magenta, red } from "@std/fmt/colors";
import { describeNumber } from "../observation.ts";
import { describeEvents } from "../trace.ts";
import type { Crossing, Scene, ShownLine } from "./play.ts";

/** Characters of a line. */
export const WIDTH = 80;

/** Characters before the arrows: the time, and a space. */
const MARGIN = 10;
const SPAN = WIDTH - MARGIN;

/** Column at which the arrow of a lost datagram ends. */
const BREAK = 46;

/** The heading of both sides. */
export function drawHeading(isColoured: boolean): string {
  const heading = " ".repeat(MARGIN) + "CLIENTE" + "SERVIDOR".padStart(SPAN - "CLIENTE".length);
  return isColoured ? gray(heading) : heading;
}

/** A scene as one line of text. */
export function draw(scene: Scene, isColoured: boolean): string {
  if (scene.type === "line") return drawLine(scene, isColoured);
  const time = `${scene.at.toFixed(0)} ms`.padStart(MARGIN - 1);
  const arrow = drawArrow(scene);
  if (!isColoured) return `${time} ${arrow}`.trimEnd();
  const sideColour = scene.by === "client" ? cyan : magenta;
  return `${gray(time)} ${scene.observation.fate === "lost" ? red(arrow) : sideColour(arrow)}`;
}

function drawLine({ by, text }: ShownLine, isColoured: boolean): string {
  const indent = by === "client" ? MARGIN : WIDTH - text.length;
  return " ".repeat(indent) + (isColoured ? bold(text) : text);
}

function drawArrow(crossing: Crossing): string {
  const label = describe(crossing);
  const isLost = crossing.observation.fate === "lost";
  const length = Math.max(3, (isLost ? BREAK : SPAN) - label.length - 2);
  const shaft = "─".repeat(length);
  if (crossing.by === "client") return `${label} ${shaft}${isLost ? "✗ perdido" : "→"}`;
  return `${isLost ? "perdido ✗" : "←"}${shaft} ${label}`.padStart(SPAN);
}

/** The packet, and its history before it was sent. */
function describe({ observation, rto }: Crossing): string {
  const { header, datagram, repeats } = observation;
  if (header === undefined) return `«${new TextDecoder().decode(datagram)}»`;
  const name = `${header.type.toUpperCase()} ${describeNumber(header)}`.trimEnd();
  // The arrow shows that it is lost.
  const fate = observation.fate === "lost" ? "whole" : observation.fate;
  const events = describeEvents({ ...observation, fate, delay: 0 });
  const cause = repeats > 0 && rto !== undefined ? ` (RTO ${rto.toFixed(0)} ms)` : "";
  return events === "" ? name : `${name}, ${events}${cause}`;
}
