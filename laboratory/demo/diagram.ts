/**
 * The scenes of a conversation as lines of text: the client's side on the left, the server's on the
 * right, and each datagram as an arrow between them.
 *
 * @module
 */
import { bold, cyan, gray, magenta, red } from "@std/fmt/colors";
import { describeNumber } from "../observation.ts";
import { describeEvents } from "../trace.ts";
import type { Crossing, Scene, Side } from "./play.ts";

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

/** A scene as one line of text, without the cause of a datagram. */
export function draw(scene: Scene, isColoured: boolean): string {
  if (scene.type === "line") return drawBeside(scene.by, scene.text, isColoured ? bold : undefined);
  if (scene.type !== "crossing") return drawCause(scene.by, scene.text, isColoured);
  const time = `${scene.at.toFixed(0)} ms`.padStart(MARGIN - 1);
  const arrow = drawArrow(scene);
  if (!isColoured) return `${time} ${arrow}`.trimEnd();
  const sideColour = scene.by === "client" ? cyan : magenta;
  return `${gray(time)} ${scene.fate === "lost" ? red(arrow) : sideColour(arrow)}`;
}

/** Why an end sent or refused a datagram, at its side. */
export function drawCause(by: Side, cause: string, isColoured: boolean): string {
  return drawBeside(by, `(${cause})`, isColoured ? gray : undefined);
}

function drawBeside(by: Side, text: string, style = (text: string) => text): string {
  return " ".repeat(by === "client" ? MARGIN : WIDTH - text.length) + style(text);
}

function drawArrow(crossing: Crossing): string {
  const label = describe(crossing);
  const isLost = crossing.fate === "lost";
  const length = Math.max(3, (isLost ? BREAK : SPAN) - label.length - 2);
  const shaft = "─".repeat(length);
  if (crossing.by === "client") return `${label} ${shaft}${isLost ? "✗ perdido" : "→"}`;
  return `${isLost ? "perdido ✗" : "←"}${shaft} ${label}`.padStart(SPAN);
}

/** The packet, and its history before it was sent. */
function describe(crossing: Crossing): string {
  const { header, datagram, expired } = crossing;
  if (header === undefined) return `«${new TextDecoder().decode(datagram)}»`;
  const name = `${header.type.toUpperCase()} ${describeNumber(header)}`.trimEnd();
  // The arrow shows that it is lost.
  const fate = crossing.fate === "lost" ? "whole" : crossing.fate;
  const events = describeEvents({ ...crossing, fate, delay: 0 });
  const waited = expired === undefined ? "" : ` (RTO ${expired.toFixed(0)} ms)`;
  return events === "" ? name : `${name}, ${events}${waited}`;
}
