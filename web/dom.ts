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
  readonly children: readonly (Shape | string)[];
}

/** Describes an element. */
export function h(
  tag: string,
  attributes: Shape["attributes"] = {},
  ...children: Shape["children"]
): Shape {
  return { tag, attributes, children };
}

/** The element with that id. */
export function $<E extends HTMLElement = HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}

const SVG = "http://www.w3.org/2000/svg";

/** What each node was rendered from. */
const rendered = new WeakMap<Node, Shape | string>();

/** Makes the children of an element as described. Nodes of the same tag and key are kept. */
export function render(parent: Element, children: Shape["children"]): void {
  const { childNodes: nodes } = parent;
  const isInPlace = (child: Shape | string, i: number) => isLike(rendered.get(nodes[i]!), child);
  if (nodes.length !== children.length || !children.every(isInPlace)) arrange(parent, children);
  children.forEach((child, i) => update(nodes[i]!, child));
}

function isLike(one: Shape | string | undefined, other: Shape | string): boolean {
  if (typeof one !== "object" || typeof other !== "object") return typeof one === typeof other;
  return one.tag === other.tag && one.attributes["key"] === other.attributes["key"];
}

/** Puts a node for each child into its place. */
function arrange(parent: Element, children: Shape["children"]): void {
  const nameOf = (it: Shape | string | undefined) =>
    typeof it === "object" ? `${it.tag} ${it.attributes["key"]}` : typeof it;
  const old = Map.groupBy(parent.childNodes, (node) => nameOf(rendered.get(node)));
  const nodes = children.map((child) =>
    old.get(nameOf(child))?.shift() ?? create(parent.namespaceURI, child)
  );
  for (const node of [...old.values()].flat()) node.remove();
  nodes.forEach((node, i) => {
    if (node === parent.childNodes[i]) return;
    const hadFocus = document.activeElement === node;
    parent.insertBefore(node, parent.childNodes[i] ?? null);
    if (hadFocus) (node as HTMLElement).focus();
  });
}

function create(namespace: string | null, child: Shape | string): ChildNode {
  const node = typeof child === "string"
    ? new Text(child)
    : document.createElementNS(child.tag === "svg" ? SVG : namespace, child.tag);
  rendered.set(node, typeof child === "string" ? child : { ...child, attributes: {} });
  return node;
}

function update(node: ChildNode, shape: Shape | string): void {
  const before = rendered.get(node)!;
  rendered.set(node, shape);
  if (typeof shape === "string" || typeof before === "string") {
    if (shape !== before) node.nodeValue = `${shape}`;
    return;
  }
  // The children come first: a select has no value without its options.
  render(node as Element, shape.children);
  for (const name in shape.attributes) {
    const value = shape.attributes[name];
    // People change the value of a field, whatever was rendered.
    if (value !== before.attributes[name] || name === "value") write(node as Element, name, value);
  }
}

function write(node: Element, name: string, value: Shape["attributes"][string]): void {
  if (name === "key") return;
  if (node instanceof HTMLElement && name in node) Object.assign(node, { [name]: value });
  else if (value === undefined) node.removeAttribute(name);
  else node.setAttribute(name, `${value}`);
}
