import { assert, assertEquals } from "@std/assert";
import { EXERCISES, verdictOf } from "./exercises.ts";
import { Experiment } from "./experiment.ts";
import type { Action, Crossing } from "../laboratory/demo/play.ts";
import { decodeLink, DEFAULT_SCENARIO, encodeLink } from "./scenario.ts";

type Is = (header: NonNullable<Crossing["header"]>) => boolean;

const isMessage = (number: number, segment: number = 0): Is => (header) =>
  header.type === "message" && header.number === number && header.segment === segment;

/** An exercise, as whoever opens its link plays it. */
class Student {
  readonly experiment: Experiment;
  readonly #exercise: typeof EXERCISES[number];

  constructor(id: string) {
    this.#exercise = EXERCISES.find((exercise) => exercise.id === id)!;
    const start = { ...DEFAULT_SCENARIO, ...this.#exercise.start, exercise: id };
    this.experiment = new Experiment(decodeLink(encodeLink(start)));
    assertEquals(this.verdict, "pending", "It is open when it begins");
  }

  get verdict() {
    return verdictOf(this.#exercise, this.experiment.lanes);
  }

  /** Steps until such a datagram flies in a lane, and disturbs it. */
  disturb(
    type: "lose" | "duplicate" | "delay",
    is: Is | "text",
    lane: 0 | 1 = 0,
    by: number = 300,
  ): this {
    const find = () =>
      this.experiment.lanes[lane].crossings.find(({ header, arrivals }) =>
        arrivals.some((at) => at > this.experiment.now) &&
        (header === undefined ? is === "text" : is !== "text" && is(header))
      );
    for (let i = 0; find() === undefined; i++, this.experiment.step()) {
      assert(i < 100, "It never flies");
    }
    const at = this.experiment.now;
    const { index } = find()!;
    const action: Action = type === "delay"
      ? { at, type, lane, index, by }
      : { at, type, lane, index };
    this.experiment.act(action);
    return this;
  }

  restart(): this {
    this.experiment.act({ at: this.experiment.now, type: "restart" });
    return this;
  }

  until(text: string): this {
    const isSaid = () => this.experiment.lanes[0].told.some((line) => line.text.startsWith(text));
    for (let i = 0; !isSaid(); i++, this.experiment.step()) {
      assert(i < 100, `Nobody says "${text}"`);
    }
    return this;
  }

  /** The verdict after a minute. */
  end() {
    this.experiment.seek(60_000);
    return this.verdict;
  }
}

const isAck: Is = ({ type, number }) => type === "ack" && number === 1;

const WAYS: Readonly<
  Record<string, { solved: (it: Student) => void; failed: ((it: Student) => void)[] }>
> = {
  "primer-acuse": {
    solved: (it) => it.disturb("lose", isAck),
    failed: [
      () => {},
      (it) => it.disturb("delay", isAck),
      (it) => it.disturb("lose", isMessage(1)),
    ],
  },
  "primera-pregunta": {
    solved: (it) => it.disturb("lose", "text", 1).disturb("lose", isMessage(1)),
    failed: [
      () => {},
      (it) => it.disturb("lose", "text", 1),
      (it) => it.disturb("lose", isMessage(1)),
      // What is only late is not lost, though it was sent again meanwhile.
      (it) => it.disturb("lose", "text", 1).disturb("delay", isMessage(1), 0, 9_000),
      (it) => it.disturb("delay", "text", 1, 9_000).disturb("lose", isMessage(1)),
    ],
  },
  "respuesta-duplicada": {
    solved: (it) => it.disturb("duplicate", isMessage(2)),
    failed: [
      () => {},
      (it) => it.disturb("delay", isMessage(2)),
      (it) => it.disturb("duplicate", "text", 1),
    ],
  },
  "desorden": {
    solved: (it) => it.disturb("delay", isMessage(1, 1)),
    failed: [
      () => {},
      (it) => it.disturb("delay", isMessage(1, 2)),
      (it) => it.disturb("lose", isMessage(1, 2)),
    ],
  },
  "ventana": {
    solved: (it) => it.disturb("lose", isMessage(1, 4)),
    failed: [
      () => {},
      (it) => it.disturb("lose", isMessage(1, 4)).disturb("lose", isMessage(1, 6)),
    ],
  },
  "reinicio": {
    solved: (it) => it.until("Pregunta: ").restart(),
    failed: [() => {}, (it) => it.restart(), (it) => it.until("Ingrese una respuesta: ").restart()],
  },
};

for (const { id, choices, right } of EXERCISES) {
  const { solved, failed } = WAYS[id]!;
  Deno.test(`exercise ${id}: it can be solved, and its answer is one of the choices`, () => {
    const student = new Student(id);
    solved(student);
    assertEquals(student.end(), "solved");
    assert(choices[right] !== undefined);
  });
  failed.forEach((way, i) =>
    Deno.test(`exercise ${id}: it can be failed, way ${i + 1}`, () => {
      const student = new Student(id);
      way(student);
      assertEquals(student.end(), "failed");
    })
  );
}

// The question, lost and sent again before its acknowledgement was lost, passed for the repetition that
// this loss causes: the page explained what had not happened yet.
Deno.test("exercise primer-acuse: the repetition is the one after the loss", () => {
  const student = new Student("primer-acuse").disturb("lose", isMessage(1)).disturb("lose", isAck);
  assertEquals(student.verdict, "pending");
  assertEquals(student.end(), "solved");
});

// The late question had not arrived when its repetition did.
Deno.test("exercise primera-pregunta: what is late was never lost", () => {
  const student = new Student("primera-pregunta").disturb("lose", "text", 1);
  student.disturb("delay", isMessage(1), 0, 9_000).until("Respuesta: ");
  student.experiment.seek(student.experiment.now + 4_000);
  assertEquals(student.verdict, "pending");
});

Deno.test("exercise reinicio: the question outlives a second restart", () => {
  const student = new Student("reinicio").until("Pregunta: ").restart();
  const isAgain = () =>
    student.experiment.lanes[0].told.filter(({ text }) => text.startsWith("Pregunta: ")).length > 1;
  for (let i = 0; !isAgain(); i++, student.experiment.step()) assert(i < 100);
  student.restart();
  assertEquals(student.end(), "solved");
});

// The answer was late, and the one that was sent again passed for its second copy.
Deno.test("exercise respuesta-duplicada: what is late was not duplicated", () => {
  const student = new Student("respuesta-duplicada").disturb("delay", isMessage(2), 0, 6_000);
  student.until("Respuesta: ");
  assertEquals(student.verdict, "pending");
  assertEquals(student.end(), "failed");
});
