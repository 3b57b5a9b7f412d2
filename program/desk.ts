/**
 * The desk of an operator: who is connected, whose question is being answered, and who waits. Pure: it
 * knows neither a terminal nor a clock.
 *
 * @module
 */
import type { ClientInfo, QuestionInfo } from "../transport/mod.ts";
import { clean } from "../terminal/clean.ts";
import type { Recorder } from "./record.ts";

/** A question that waits for its answer. */
export interface Request extends Pick<QuestionInfo, "client" | "setAhead"> {
  /** Its number in the order of arrival, from 1. */
  readonly id: number;
  readonly question: string;
  /** When it came, in ms. */
  readonly since: number;
  readonly resolve: (answer: string) => void;
}

/** Code points that are shown of a question in the list of those who wait. */
const BEGINNING_LENGTH = 30;

/** The clients of one server, and their questions in the order in which they are answered. */
export class Desk {
  /** The clients that are connected, by number. */
  readonly visitors = new Map<number, ClientInfo>();
  /** All questions, the current one first. */
  readonly requests: Request[] = [];
  /** Resolves when the outcomes so far are on record. */
  recorded: Promise<void> | undefined;
  readonly #record: Recorder | undefined;
  #lastId = 0;
  #isTaken = false;

  constructor(record?: Recorder) {
    this.#record = record;
  }

  /** The question that is being answered. */
  get current(): Request | undefined {
    return this.#isTaken ? this.requests[0] : undefined;
  }

  /** A question comes at `since`: the last of those that wait. Resolves with its answer, if it gets one. */
  add(question: string, { client, setAhead }: QuestionInfo, since: number): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.requests.push({ id: ++this.#lastId, client, question, since, setAhead, resolve });
    return promise;
  }

  /** Returns false if the question was not here any more. */
  answer(request: Request, answer: string): boolean {
    if (!this.requests.includes(request)) return false;
    this.#remove(request, `Respuesta: ${answer}`);
    request.resolve(answer);
    return true;
  }

  /** Takes away the questions of a client, and returns them: there will be no answer, and why. */
  withdraw(client: ClientInfo, why: string): readonly Request[] {
    const requests = this.requests.filter((request) => request.client === client);
    for (const request of requests) this.#remove(request, `Sin respuesta: ${why}`);
    return requests;
  }

  #remove(request: Request, outcome: string): void {
    if (request === this.current) this.#isTaken = false;
    this.requests.splice(this.requests.indexOf(request), 1);
    const { client, question } = request;
    const texts = [`Cliente: ${this.label(client)}`, `Pregunta: ${question}`, outcome];
    this.recorded = this.#record?.(texts);
  }

  /** The current question; if there is none, the first of those that wait becomes it. */
  next(): Request | undefined {
    this.#isTaken = this.requests.length > 0;
    return this.current;
  }

  /** Puts the current question behind all others. Returns false if there are none. */
  postpone(): boolean {
    if (!this.#isTaken || this.requests.length === 1) return false;
    this.requests.push(this.requests.shift()!);
    this.#isTaken = false;
    return true;
  }

  /** Answers that client next: the current question comes right after. Returns false if it has no question. */
  attend(id: number): boolean {
    const index = this.requests.findIndex(({ client }) => client.id === id);
    if (index < 0) return false;
    this.requests.unshift(...this.requests.splice(index, 1));
    this.#isTaken = true;
    return true;
  }

  /** A client as its line reads: its address, and what it takes to tell it from its neighbours. */
  label({ id, name, remoteAddr: { hostname, port } }: ClientInfo): string {
    const shown = shownName(name);
    const isLike = (other: ClientInfo) =>
      other.id !== id && other.remoteAddr.hostname === hostname &&
      (shown === undefined || shownName(other.name) === shown);
    const isAlone = !this.visitors.values().some(isLike);
    if (shown === undefined) return isAlone ? hostname : `${hostname} (puerto ${port})`;
    return `${shown} (${hostname}${isAlone ? "" : `, puerto ${port}`})`;
  }

  /** Those who wait behind the current question, in one line. */
  get waiting(): string {
    const list = this.requests.slice(this.#isTaken ? 1 : 0)
      .map(({ client: { id, name, remoteAddr } }) =>
        `${id} ${shownName(name) ?? remoteAddr.hostname}`
      );
    if (list.length === 0) return "no espera nadie más";
    return `${list.length === 1 ? "espera" : "esperan"} ${list.length}: ${list.join(", ")}`;
  }

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
