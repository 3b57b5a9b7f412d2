/**
 * Elements of SVG as text.
 *
 * @module
 */

/** An element; what is inside is markup already. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  inside = "",
): string {
  const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${value}"`);
  return `<${name}${list.join("")}>${inside}</${name}>`;
}

/** Text as it may stand inside an element. */
export function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
