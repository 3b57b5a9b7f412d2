/**
 * The desk of an operator: who is connected, whose question is being answered, and who waits. Pure: it
 * knows neither a terminal nor a clock.
 *
 * @module
 */
import { clean } from "../terminal/clean.ts";

/** A client at the desk. */
export interface Visitor {
  /** Its number: given on arrival, and never again. */
  readonly id: number;
  /** Its name, if it gave one. */
  readonly name?: string | undefined;
  /** Its address. */
  readonly remoteAddr: { readonly hostname: string; readonly port: number };
}

/** A question that waits for its answer. */
export interface Request {
  /** The asker. */
  readonly client: Visitor;
  /** The question. */
  readonly question: string;
  /** When it came, in ms. */
  readonly since: number;
}

/** Code points that are shown of a question in the list of those who wait. */
const BEGINNING_LENGTH = 30;

/** The clients of one server, and their questions in the order in which they are answered. */
export class Desk<V extends Visitor, R extends Request> {
  /** Who is connected, by number. */
  readonly visitors = new Map<number, V>();
  readonly #waiting: R[] = [];
  #current: R | undefined;

  /** The question that is being answered. */
  get current(): R | undefined {
    return this.#current;
  }

  /** All questions, the current one first. */
  get requests(): readonly R[] {
    return this.#current === undefined ? this.#waiting : [this.#current, ...this.#waiting];
  }

  /** A question comes: the last of those that wait. */
  add(request: R): void {
    this.#waiting.push(request);
  }

  /** A question is answered or withdrawn. Returns false if it was not here any more. */
  remove(request: R): boolean {
    const index = this.#waiting.indexOf(request);
    if (index >= 0) this.#waiting.splice(index, 1);
    else if (this.#current === request) this.#current = undefined;
    else return false;
    return true;
  }

  /** The current question; if there is none, the first of those that wait becomes it. */
  next(): R | undefined {
    return this.#current ??= this.#waiting.shift();
  }

  /** Puts the current question behind all others. Returns false if there are none. */
  postpone(): boolean {
    if (this.#current === undefined || this.#waiting.length === 0) return false;
    this.#waiting.push(this.#current);
    this.#current = undefined;
    return true;
  }

  /** Answers that client next: the current question comes right after. Returns false if it has no question. */
  attend(id: number): boolean {
    if (this.#current?.client.id === id) return true;
    const request = this.#waiting.find(({ client }) => client.id === id);
    if (request === undefined) return false;
    this.remove(request);
    if (this.#current !== undefined) this.#waiting.unshift(this.#current);
    this.#current = request;
    return true;
  }

  /** A client as its line reads: its address, and what it takes to tell it from its neighbours. */
  label({ id, name, remoteAddr: { hostname, port } }: Visitor): string {
    const shown = shownName(name);
    const isLike = (other: Visitor) =>
      other.id !== id && other.remoteAddr.hostname === hostname &&
      (shown === undefined || shownName(other.name) === shown);
    const isAlone = !this.visitors.values().some(isLike);
    if (shown === undefined) return isAlone ? hostname : `${hostname} (puerto ${port})`;
    return `${shown} (${hostname}${isAlone ? "" : `, puerto ${port}`})`;
  }

  /** Those who wait behind the current question, in one line. */
  get waiting(): string {
    const list = this.#waiting.map(({ client: { id, name, remoteAddr } }) =>
      `${id} ${shownName(name) ?? remoteAddr.hostname}`
    );
    if (list.length === 0) return "no espera nadie más";
    return `${list.length === 1 ? "espera" : "esperan"} ${list.length}: ${list.join(", ")}`;
  }

  /** How many are connected. */
  get connected(): string {
    const { size } = this.visitors;
    return size === 1 ? "1 conectado" : `${size} conectados`;
  }

  /**
   * A line for each question: its asker, since when it waits at `now`, and how it begins; and one for those
   * who have none.
   */
  list(now: number): string[] {
    const lines = this.requests.map(({ client, question, since }) => {
      const who = `${client.id} ${this.label(client)}`;
      return `${who}, hace ${duration(now - since)}: ${beginning(question)}`;
    });
    const askers = new Set(this.requests.map(({ client }) => client.id));
    const others = this.visitors.values().filter(({ id }) => !askers.has(id))
      .map((visitor) => `${visitor.id} ${this.label(visitor)}`).toArray();
    return others.length === 0 ? lines : [...lines, `Sin pregunta: ${others.join(", ")}`];
  }
}

/** A name without what could make it look like something else; `undefined` if nothing is left. */
export function shownName(name: string | undefined): string | undefined {
  const shown = name?.replace(/[\p{Cc}\p{Zl}\p{Zp}()]/gu, "").replace(/\s+/g, " ").trim();
  return shown ? clean(shown) : undefined;
}

function beginning(question: string): string {
  const characters = Array.from(clean(question.trim().replace(/\s+/g, " ")));
  if (characters.length <= BEGINNING_LENGTH) return characters.join("");
  return `${characters.slice(0, BEGINNING_LENGTH - 1).join("")}…`;
}

function duration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
