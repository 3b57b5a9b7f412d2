/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * Elements as data, and a renderer that changes a document only where it differs from them.
 *
 * @module
 */

/** An element as it should be. */
export interface Shape {
  readonly tag: string;
  /** Always the same names: `undefined` takes one away. The key tells an element from its siblings. */
  readonly attributes: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly children: readonly Shape[] | string;
}

/** Describes an element. */
export function h(
  tag: string,
  attributes: Shape["attributes"] = {},
  children: Shape["children"] = [],
): Shape {
  return { tag, attributes, children };
}

/** The element with that id. */
export function $<E extends HTMLElement = HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}

const SVG = "http://www.w3.org/2000/svg";

/** The shape that each element was rendered from. */
const rendered = new WeakMap<Element, Shape>();

/** Makes the children of an element as described. Elements of the same tag and key are kept. */
export function render(parent: Element, shapes: readonly Shape[]): void {
  const { children } = parent;
  const isInPlace = ({ tag, attributes: { key } }: Shape, i: number) => {
    const before = rendered.get(children[i]!);
    return before?.tag === tag && before.attributes["key"] === key;
  };
  if (children.length !== shapes.length || !shapes.every(isInPlace)) arrange(parent, shapes);
  shapes.forEach((shape, i) => update(children[i]!, shape));
}

/** Puts an element for each shape into its place. */
function arrange(parent: Element, shapes: readonly Shape[]): void {
  const nameOf = (shape?: Shape) => `${shape?.tag} ${shape?.attributes["key"]}`;
  const old = Map.groupBy(parent.children, (element) => nameOf(rendered.get(element)));
  const elements = shapes.map((shape) =>
    old.get(nameOf(shape))?.shift() ?? create(parent.namespaceURI, shape)
  );
  for (const element of [...old.values()].flat()) element.remove();
  elements.forEach((element, i) => {
    if (element === parent.children[i]) return;
    const hadFocus = document.activeElement === element;
    parent.insertBefore(element, parent.children[i] ?? null);
    if (hadFocus) (element as HTMLElement).focus();
  });
}

function create(namespace: string | null, { tag, attributes: { key } }: Shape): Element {
  const element = document.createElementNS(tag === "svg" ? SVG : namespace, tag);
  rendered.set(element, h(tag, { key }));
  return element;
}

function update(element: Element, shape: Shape): void {
  const before = rendered.get(element)!;
  rendered.set(element, shape);
  // The children come first: a select has no value without its options.
  if (typeof shape.children !== "string") render(element, shape.children);
  else if (shape.children !== before.children) element.textContent = shape.children;
  for (const name in shape.attributes) {
    const value = shape.attributes[name];
    // People change the value of a field, whatever was rendered.
    const isKept = name !== "value" || (element as HTMLInputElement).value === value;
    if (value === before.attributes[name] && isKept) continue;
    if (element instanceof HTMLElement && name in element) {
      Object.assign(element, { [name]: value });
    } else if (value === undefined) element.removeAttribute(name);
    else element.setAttribute(name, `${value}`);
  }
}
