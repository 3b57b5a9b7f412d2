import { assert, assertEquals } from "@std/assert";
import { SessionLink } from "../../tests/session_link.ts";
import { Delivery, type PacketSink } from "./delivery.ts";
import { encode, MAX_SEGMENT_BYTES, type Packet, type PacketFields } from "./packet.ts";
import { decode } from "./packet.ts";
import { RttEstimator } from "./rtt.ts";
import { Retransmission } from "./retransmission.ts";

const LONGEST_MS = 15_000;

/** A delivery whose packets are kept. */
class Bench implements PacketSink {
  readonly rtt = new RttEstimator();
  readonly delivery = new Delivery(this.rtt, this, 16 * LONGEST_MS);
  #sent: Packet[] = [];

  transmit(packet: Omit<PacketFields, "id">): void {
    const decoded = decode(encode({ ...packet, id: 1n }));
    assert(decoded !== undefined, "what is transmitted is a packet");
    this.#sent.push(decoded!);
  }

  /** Packets transmitted since the last call. */
  take(): Packet[] {
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }
}

function packet(fields: Omit<PacketFields, "id">): Packet {
  return decode(encode({ ...fields, id: 1n }))!;
}

function message(number: number, text: string, attempt = 1, echo = 0, ackDelay = 0): Packet {
  const payload = new TextEncoder().encode(text);
  return packet({ type: "message", number, attempt, echo, ackDelay, payload });
}

function segmentsOf(count: number): Uint8Array {
  return new Uint8Array((count - 1) * MAX_SEGMENT_BYTES + 1);
}

Deno.test("retransmission: nothing is awaited before anything is sent", () => {
  const timer = new Retransmission();
  assertEquals([timer.attempt, timer.deadline], [0, Infinity]);
  assertEquals(timer.elapsed(0, 5), undefined);
});

Deno.test("retransmission: each timeout doubles the wait, up to the longest", () => {
  const timer = new Retransmission();
  const waits: number[] = [];
  let now = 100;
  for (let timeouts = 0; timeouts < 7; timeouts++) {
    timer.sent(now, 1000, LONGEST_MS);
    waits.push(timer.deadline - now);
    now = timer.deadline;
    timer.timedOut();
  }
  assertEquals(waits, [1000, 2000, 4000, 8000, LONGEST_MS, LONGEST_MS, LONGEST_MS]);
});

Deno.test("retransmission: the longest pause is what its caller says, but never below one RTO", () => {
  const timer = new Retransmission();
  timer.timedOut();
  timer.timedOut();
  timer.sent(0, 1000, 1500);
  assertEquals(timer.deadline, 1500);
  timer.sent(0, 2000, 1500);
  assertEquals(timer.deadline, 2000);
});

Deno.test("retransmission: a path without end stays without end, and never overflows", () => {
  const timer = new Retransmission();
  timer.sent(0, Infinity, Infinity);
  assertEquals(timer.deadline, Infinity);
  for (let timeouts = 0; timeouts < 5000; timeouts++) timer.timedOut();
  timer.sent(0, 20, LONGEST_MS);
  assertEquals(timer.deadline, LONGEST_MS);
});

Deno.test("retransmission: one copy at the first timeout, two at each after it", () => {
  const timer = new Retransmission();
  timer.sent(0, 1000, LONGEST_MS);
  assertEquals([timer.timedOut(), timer.timedOut(), timer.timedOut()], [1, 2, 2]);
  timer.restart();
  assertEquals([timer.timedOut(), timer.timedOut()], [1, 2]);
});

Deno.test("retransmission: a new packet starts with attempt 1 and the plain timeout", () => {
  const timer = new Retransmission();
  timer.sent(0, 1000, LONGEST_MS);
  timer.timedOut();
  timer.sent(1000, 1000, LONGEST_MS);
  assertEquals([timer.attempt, timer.deadline], [2, 3000]);
  timer.restart();
  timer.sent(5000, 1000, LONGEST_MS);
  assertEquals([timer.attempt, timer.deadline], [1, 6000]);
  timer.stop();
  assertEquals(timer.deadline, Infinity);
});

Deno.test("retransmission: attempt 255 is followed by 1, for 0 means none", () => {
  const timer = new Retransmission();
  const attempts: number[] = [];
  for (let i = 1; i <= 257; i++) {
    timer.sent(i, 1000, LONGEST_MS);
    attempts.push(timer.attempt);
  }
  assertEquals(attempts.slice(0, 3), [1, 2, 3]);
  assertEquals(attempts.slice(253), [254, 255, 1, 2]);
  assertEquals(timer.elapsed(1, 300), 300 - 256, "the first one of the new round");
});

// Karn's algorithm (RFC 6298 §3): an acknowledgement counts only where it is known which sending it
// answers. The echo says so. Of two copies that went out together either one may be echoed: when only
// the second was known, a client whose first HELLO was lost began without a measured round trip.
Deno.test("retransmission: the time since the first and the last two attempts, and of no other", () => {
  const timer = new Retransmission();
  timer.sent(100, 50, LONGEST_MS);
  assertEquals(timer.elapsed(1, 130), 30);
  assertEquals(timer.elapsed(2, 130), undefined);
  timer.sent(200, 50, LONGEST_MS);
  timer.sent(300, 50, LONGEST_MS);
  timer.sent(400, 50, LONGEST_MS);
  assertEquals(timer.elapsed(0, 500), undefined);
  assertEquals(timer.elapsed(1, 500), 400);
  assertEquals(timer.elapsed(2, 500), undefined);
  assertEquals(timer.elapsed(3, 500), 200);
  assertEquals(timer.elapsed(4, 500), 100);
  assertEquals(timer.elapsed(5, 500), undefined);
});

Deno.test("delivery: a message is sent once, and again after each timeout", () => {
  const { delivery, ...bench } = newBench();
  delivery.send(1, Uint8Array.of(7), 0);
  assertEquals(bench.take().map(({ type, attempt }) => [type, attempt]), [["message", 1]]);
  assertEquals(delivery.nextTimeout, 1000);
  delivery.handleTimeout(999);
  assertEquals(bench.take(), []);
  delivery.handleTimeout(1000);
  assertEquals(bench.take().map(({ attempt }) => attempt), [2]);
  assertEquals(delivery.nextTimeout, 3000);
  delivery.handleTimeout(3000);
  assertEquals(bench.take().map(({ attempt }) => attempt), [3, 4]);
  assertEquals(delivery.nextTimeout, 7000);
  assertEquals(delivery.isSending, true);
});

Deno.test("delivery: nothing is sent again once it is acknowledged", () => {
  const { delivery, ...bench } = newBench();
  delivery.send(1, Uint8Array.of(7), 0);
  bench.take();
  assertEquals(delivery.receiveAck(packet({ type: "ack", number: 1, echo: 1 }), 40), true);
  assertEquals([delivery.isSending, delivery.nextTimeout], [false, Infinity]);
  delivery.handleTimeout(100_000);
  assertEquals(bench.take(), []);
  assertEquals(delivery.receiveAck(packet({ type: "ack", number: 1, echo: 1 }), 50), false);
  assertEquals(bench.take(), [], "a duplicate ACK is answered by nothing");
});

Deno.test("delivery: nothing is sent again once it is given up", () => {
  const { delivery, ...bench } = newBench();
  delivery.receiveSegment(message(1, "q"), 0);
  delivery.send(2, Uint8Array.of(7), 0);
  delivery.stop();
  bench.take();
  assertEquals([delivery.isSending, delivery.nextTimeout], [false, Infinity]);
  delivery.receiveSegment(message(3, "q"), 0);
  delivery.stop();
  assertEquals(delivery.nextTimeout, Infinity, "nor is anything acknowledged");
});

Deno.test("delivery: an ACK of another message or of an unsent segment changes nothing", () => {
  const { delivery, ...bench } = newBench();
  delivery.send(3, segmentsOf(12), 0);
  bench.take();
  for (const [number, segment] of [[1, 0], [2, 0], [4, 0], [3, 10], [3, 12], [3, 255]] as const) {
    assertEquals(delivery.receiveAck(packet({ type: "ack", number, segment, echo: 1 }), 9), false);
  }
  assertEquals(bench.take(), []);
  assertEquals(bench.rtt.smoothed, undefined);
  assertEquals(delivery.nextTimeout, 1000);
});

function ack(segment: number, echo = 1): Packet {
  return packet({ type: "ack", number: 1, segment, echo });
}

/** The segments in some transmitted packets. */
function segmentsIn(sent: readonly Packet[]): number[] {
  return sent.map(({ segment }) => segment);
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, i) => start + i);
}

Deno.test("delivery: the segments of a message go out together, each with its part of it", () => {
  const { delivery, ...bench } = newBench();
  const whole = Uint8Array.from({ length: 2 * MAX_SEGMENT_BYTES + 3 }, (_, i) => i);
  delivery.send(1, whole, 0);
  const sent = bench.take();
  assertEquals(
    sent.map(({ segment, lastSegment, attempt }) => [segment, lastSegment, attempt].join()),
    ["0,2,1", "1,2,1", "2,2,1"],
  );
  assertEquals(Uint8Array.from(sent.flatMap(({ payload }) => [...payload])), whole);
  for (const [segment, isWhole] of [[2, false], [0, false], [1, true]] as const) {
    assertEquals(delivery.receiveAck(ack(segment), 10), isWhole);
  }
  assertEquals(bench.take(), []);
  assertEquals([delivery.isSending, delivery.nextTimeout], [false, Infinity]);
});

Deno.test("delivery: ten segments go out at first, then two for each that is acknowledged", () => {
  const { delivery, ...bench } = newBench();
  delivery.send(1, segmentsOf(60), 0);
  assertEquals(segmentsIn(bench.take()), range(0, 10));
  for (let segment = 0; segment < 25; segment++) {
    delivery.receiveAck(ack(segment), 20);
    const next = 10 + 2 * segment;
    assertEquals(segmentsIn(bench.take()), range(next, next + 2));
  }
  for (let segment = 25; segment < 60; segment++) {
    assertEquals(delivery.receiveAck(ack(segment), 20), segment === 59);
  }
  assertEquals(bench.take(), []);
});

Deno.test("delivery: an ACK that comes again counts once, and makes room for nothing", () => {
  const { delivery, rtt, ...bench } = newBench();
  delivery.send(1, segmentsOf(60), 0);
  delivery.receiveAck(ack(4), 20);
  bench.take();
  const { timeout } = rtt;
  for (let copies = 0; copies < 60; copies++) assertEquals(delivery.receiveAck(ack(4), 30), false);
  assertEquals([bench.take(), rtt.timeout], [[], timeout]);
});

Deno.test("delivery: each segment has attempts and timeouts of its own", () => {
  const { delivery, ...bench } = newBench();
  delivery.send(1, segmentsOf(2), 0);
  delivery.receiveAck(ack(0, 0), 10);
  delivery.handleTimeout(1000);
  delivery.handleTimeout(3000);
  const attempts = bench.take().map(({ segment, attempt }) => [segment, attempt].join());
  assertEquals(attempts, ["0,1", "1,1", "1,2", "1,3"]);
  assertEquals(delivery.nextTimeout, 6000, "a segment got through: 1.5 timeouts, and then 3");
  // The next message begins again.
  delivery.receiveAck(ack(1, 0), 3010);
  delivery.send(2, segmentsOf(2), 4000);
  assertEquals(bench.take().map(({ attempt }) => attempt), [1, 1]);
  assertEquals(delivery.nextTimeout, 5000);
});

Deno.test("delivery: a timeout halves the window, and only so much is sent again at once", () => {
  const { delivery, ...bench } = newBench();
  delivery.send(1, segmentsOf(60), 0);
  bench.take();
  delivery.handleTimeout(1000);
  assertEquals(segmentsIn(bench.take()), range(0, 5));
  assertEquals(delivery.nextTimeout, 3000, "what waits for room waits for no time");
  delivery.handleTimeout(2000);
  assertEquals(bench.take(), []);
  delivery.receiveAck(ack(0, 0), 2000);
  assertEquals(segmentsIn(bench.take()), [5], "what is overdue goes before what is new");
  delivery.receiveAck(ack(6, 0), 2000);
  assertEquals(bench.take(), [], "what is not under way leaves no room");
  for (const segment of [1, 2, 3]) delivery.receiveAck(ack(segment, 0), 2000);
  assertEquals(segmentsIn(bench.take()), [7, 8, 9]);
  for (const segment of [4, 5, 7]) delivery.receiveAck(ack(segment, 0), 2000);
  assertEquals(segmentsIn(bench.take()), [10, 11, 12, 13], "8 acknowledged make room for one more");
});

Deno.test("delivery: while nothing is acknowledged, two segments at a time are sent again", () => {
  const { delivery, ...bench } = newBench();
  delivery.send(1, segmentsOf(60), 0);
  const sent: string[] = [];
  for (let timeouts = 0; timeouts < 6; timeouts++) {
    bench.take();
    delivery.handleTimeout(delivery.nextTimeout);
    sent.push(segmentsIn(bench.take()).join());
  }
  assertEquals(sent, ["0,1,2,3,4", "0,1", "0,1", "0,1", "0,1", "0,1"]);
});

Deno.test("delivery: a whole message is acknowledged when the delay ends", () => {
  const { delivery, ...bench } = newBench();
  assertEquals(delivery.acknowledgementDue, false);
  const whole = delivery.receiveSegment(message(1, "q", 3), 100);
  assertEquals(whole, new TextEncoder().encode("q"));
  assertEquals(delivery.acknowledgementDue, true);
  assertEquals(delivery.nextTimeout, 125);
  delivery.handleTimeout(124);
  assertEquals(bench.take(), []);
  delivery.ahead = 4;
  delivery.handleTimeout(125);
  const acks = bench.take();
  assertEquals(acks, [
    packet({ type: "ack", number: 1, echo: 3, ackDelay: 25, ahead: 4 }),
  ]);
  assertEquals([delivery.acknowledgementDue, delivery.nextTimeout], [false, Infinity]);
});

Deno.test("delivery: a reply within the delay carries the acknowledgement", () => {
  const { delivery, ...bench } = newBench();
  delivery.receiveSegment(message(1, "q", 2), 100);
  delivery.send(2, Uint8Array.of(7), 110);
  const sent = bench.take();
  assertEquals(sent.map(({ type, echo, ackDelay }) => [type, echo, ackDelay]), [
    ["message", 2, 10],
  ]);
  delivery.handleTimeout(125);
  assertEquals(bench.take(), [], "no ACK follows");
});

Deno.test("delivery: an ack delay beyond what the field holds says so", () => {
  const { delivery, ...bench } = newBench();
  delivery.receiveSegment(message(1, "q"), 0);
  delivery.send(2, Uint8Array.of(7), 254.4);
  delivery.send(2, Uint8Array.of(7), 255);
  delivery.send(2, Uint8Array.of(7), 3_600_000);
  assertEquals(bench.take().map(({ ackDelay }) => ackDelay), [254, 255, 255]);
});

Deno.test("delivery: a reply acknowledges, and measures without the peer's delay", () => {
  const { delivery, ...bench } = newBench();
  delivery.send(1, Uint8Array.of(7), 0);
  assertEquals(delivery.acknowledgedByReply(message(2, "a", 1, 1, 20), 70), true);
  assertEquals(bench.rtt.smoothed, 50);
  assertEquals(bench.rtt.timeout, 50 + 4 * 25 + 21.875);
  assertEquals([delivery.isSending, delivery.nextTimeout], [false, Infinity]);
});

Deno.test("delivery: a reply that was itself sent again shows no intended delay", () => {
  const { delivery, rtt } = newBench();
  for (let samples = 0; samples < 100; samples++) rtt.sample(50, 0);
  delivery.send(1, Uint8Array.of(7), 0);
  delivery.acknowledgedByReply(message(2, "a", 2, 1, 25), 75);
  assert(rtt.timeout < 50 + 1.1, `${rtt.timeout}`);
  delivery.send(3, Uint8Array.of(7), 100);
  delivery.acknowledgedByReply(message(4, "a", 1, 1, 25), 175);
  assert(rtt.timeout >= 75, `${rtt.timeout}`);
});

Deno.test("delivery: an ACK that held back shows an intended delay", () => {
  const { delivery, rtt } = newBench();
  delivery.send(1, Uint8Array.of(7), 0);
  delivery.receiveAck(packet({ type: "ack", number: 1, echo: 1, ackDelay: 25 }), 75);
  assertEquals(rtt.smoothed, 50);
  assertEquals(rtt.timeout, 175);
});

Deno.test("delivery: an unknown delay, an unknown attempt and no echo measure nothing", () => {
  for (const [echo, ackDelay] of [[1, 255], [0, 0], [9, 0]] as const) {
    const { delivery, rtt } = newBench();
    delivery.send(1, Uint8Array.of(7), 0);
    assertEquals(delivery.acknowledgedByReply(message(2, "a", 1, echo, ackDelay), 40), true);
    assertEquals(rtt.smoothed, undefined, `echo ${echo}, delay ${ackDelay}`);
  }
});

Deno.test("delivery: a delay longer than the round trip is no negative round trip", () => {
  const { delivery, rtt } = newBench();
  delivery.send(1, Uint8Array.of(7), 0);
  delivery.acknowledgedByReply(message(2, "a", 1, 1, 200), 40);
  assertEquals(rtt.smoothed, 0);
});

Deno.test("delivery: what looks like a reply is none while segments are unsent", () => {
  const { delivery, rtt } = newBench();
  delivery.send(1, segmentsOf(11), 0);
  assertEquals(delivery.acknowledgedByReply(message(2, "a", 1, 1), 10), false);
  assertEquals([delivery.isSending, delivery.nextTimeout], [true, 1000]);
  assertEquals(rtt.smoothed, undefined);
  delivery.receiveAck(ack(7), 10);
  assertEquals(delivery.acknowledgedByReply(message(2, "a", 1, 1), 20), true);
  assertEquals([delivery.isSending, delivery.nextTimeout], [false, Infinity]);
  assertEquals(delivery.acknowledgedByReply(message(2, "a", 1, 1), 30), false);
});

Deno.test("delivery: a reply to a message of several segments measures nothing", () => {
  const { delivery, rtt } = newBench();
  delivery.send(1, segmentsOf(2), 0);
  assertEquals(delivery.acknowledgedByReply(message(2, "a", 1, 1), 10), true);
  assertEquals(rtt.smoothed, undefined);
});

function segmentPacket(segment: number, lastSegment: number, attempt = 1): Packet {
  const length = segment === lastSegment ? 1 : MAX_SEGMENT_BYTES;
  const payload = new Uint8Array(length).fill(segment + 1);
  return packet({ type: "message", number: 1, segment, lastSegment, attempt, payload });
}

/** The message of which {@linkcode segmentPacket} makes the segments. */
function wholeMessage(lastSegment: number): Uint8Array {
  const whole = new Uint8Array(lastSegment * MAX_SEGMENT_BYTES + 1);
  return whole.map((_, i) => Math.floor(i / MAX_SEGMENT_BYTES) + 1);
}

Deno.test("delivery: all segments but the one that makes it whole are acknowledged at once", () => {
  const { delivery, ...bench } = newBench();
  for (const segment of [0, 1]) {
    assertEquals(delivery.receiveSegment(segmentPacket(segment, 2, 5), 0), undefined);
    assertEquals(bench.take(), [packet({ type: "ack", number: 1, segment, echo: 5 })]);
  }
  assertEquals(delivery.receiveSegment(segmentPacket(2, 2), 0), wholeMessage(2));
  assertEquals(bench.take(), [], "the last waits for a reply");
  delivery.handleTimeout(25);
  assertEquals(bench.take().map(({ segment }) => segment), [2]);
});

Deno.test("delivery: each attempt of a segment is acknowledged once, and none is kept twice", () => {
  const { delivery, ...bench } = newBench();
  delivery.receiveSegment(segmentPacket(0, 2), 0);
  delivery.receiveSegment(segmentPacket(0, 2, 2), 0);
  delivery.receiveSegment(segmentPacket(1, 2), 0);
  delivery.receiveSegment(segmentPacket(0, 2, 3), 0);
  for (const copy of [1, 2, 3]) delivery.receiveSegment(segmentPacket(0, 2, copy), 0);
  assertEquals(bench.take().map(({ segment, echo }) => [segment, echo]), [
    [0, 1],
    [0, 2],
    [1, 1],
    [0, 3],
  ]);
  assertEquals(delivery.receiveSegment(segmentPacket(2, 2), 0), wholeMessage(2));
});

Deno.test("delivery: segments are taken in any order, and none is shown twice", () => {
  for (const order of [[2, 1, 0], [1, 2, 0], [2, 0, 1], [0, 2, 1]]) {
    const { delivery, ...bench } = newBench();
    const completing = order.pop()!;
    for (const segment of [...order, ...order]) {
      assertEquals(delivery.receiveSegment(segmentPacket(segment, 2), 0), undefined);
    }
    const acks = order.map((segment) => packet({ type: "ack", number: 1, segment, echo: 1 }));
    assertEquals(bench.take(), acks);
    assertEquals(delivery.receiveSegment(segmentPacket(completing, 2, 7), 0), wholeMessage(2));
    assertEquals(bench.take(), [], "its acknowledgement waits for a reply");
    delivery.ahead = 4;
    for (const segment of [0, 1, 2]) {
      delivery.receiveRepeat(segmentPacket(segment, 2, 9), 5, { replay: true });
      const [acknowledgement, ...more] = bench.take();
      const { type, segment: named, echo, ahead } = acknowledgement!;
      assertEquals([type, named, echo, ahead, more.length], ["ack", segment, 9, 4, 0]);
    }
  }
});

Deno.test("delivery: segments of a message of another length are dropped without a word", () => {
  const { delivery, ...bench } = newBench();
  delivery.receiveSegment(segmentPacket(1, 2), 0);
  bench.take();
  for (const [segment, lastSegment] of [[0, 0], [0, 1], [1, 1], [0, 3], [3, 3]] as const) {
    assertEquals(delivery.receiveSegment(segmentPacket(segment, lastSegment), 0), undefined);
  }
  assertEquals(bench.take(), []);
  assertEquals(delivery.nextTimeout, 16 * LONGEST_MS, "when the rest of it will not come any more");
});

Deno.test("delivery: what is kept of a datagram is a copy", () => {
  const { delivery } = newBench();
  const first = segmentPacket(0, 1);
  delivery.receiveSegment(first, 0);
  first.payload.fill(99);
  assertEquals(delivery.receiveSegment(segmentPacket(1, 1), 0), wholeMessage(1));
});

Deno.test("delivery: a repeated message is acknowledged again, at once", () => {
  const { delivery, ...bench } = newBench();
  delivery.receiveSegment(message(1, "q", 1), 100);
  assertEquals(delivery.receiveRepeat(message(1, "q", 2), 110, { replay: true }), true);
  assertEquals(bench.take(), [packet({ type: "ack", number: 1, echo: 2 })]);
  assertEquals(delivery.acknowledgementDue, false, "that was the acknowledgement");
});

Deno.test("delivery: another message is no repeat", () => {
  const { delivery, ...bench } = newBench();
  delivery.receiveSegment(message(3, "q", 1), 100);
  for (const number of [1, 2, 4, 5]) {
    assertEquals(delivery.receiveRepeat(message(number, "q"), 110, { replay: true }), false);
  }
  assertEquals(bench.take(), []);
});

Deno.test("delivery: a repeated segment of a whole message is acknowledged by itself", () => {
  const { delivery, ...bench } = newBench();
  delivery.receiveSegment(segmentPacket(0, 1), 0);
  delivery.receiveSegment(segmentPacket(1, 1), 0);
  delivery.send(2, Uint8Array.of(7), 0);
  bench.take();
  assertEquals(delivery.receiveRepeat(segmentPacket(0, 1, 4), 5, { replay: true }), true);
  assertEquals(bench.take(), [packet({ type: "ack", number: 1, segment: 0, echo: 4 })]);
});

Deno.test("delivery: the end that replays sends its reply for a repeated message", () => {
  const { delivery, ...bench } = newBench();
  delivery.receiveSegment(message(1, "q", 1), 0);
  delivery.send(2, Uint8Array.of(7), 10);
  bench.take();
  delivery.receiveRepeat(message(1, "q", 2), 500, { replay: true });
  const sent = bench.take();
  assertEquals(
    sent.map(({ type, number, attempt, echo, ackDelay }) =>
      [type, number, attempt, echo, ackDelay].join(" ")
    ),
    ["message 2 2 2 0"],
  );
});

Deno.test("delivery: the end that does not replay acknowledges a repeated message only", () => {
  const { delivery, ...bench } = newBench();
  delivery.receiveSegment(message(2, "a", 1), 0);
  delivery.send(3, Uint8Array.of(7), 10);
  bench.take();
  delivery.receiveRepeat(message(2, "a", 2), 500, { replay: false });
  assertEquals(bench.take(), [packet({ type: "ack", number: 2, echo: 2 })]);
  assertEquals(delivery.nextTimeout, 1010, "and does not put its own timeout off");
});

Deno.test("delivery: of a long reply the first segment is replayed, until any is acknowledged", () => {
  const { delivery, ...bench } = newBench();
  delivery.receiveSegment(message(1, "q", 1), 0);
  delivery.send(2, segmentsOf(3), 0);
  bench.take();
  delivery.receiveRepeat(message(1, "q", 2), 10, { replay: true });
  assertEquals(bench.take().map(({ type, segment, echo }) => [type, segment, echo]), [
    ["message", 0, 2],
  ]);
  delivery.receiveAck(packet({ type: "ack", number: 2, segment: 1, echo: 1 }), 20);
  delivery.receiveRepeat(message(1, "q", 3), 30, { replay: true });
  assertEquals(bench.take(), [], "one reply in a retransmission timeout");
  delivery.receiveRepeat(message(1, "q", 4), 1030, { replay: true });
  assertEquals(bench.take().map(({ type }) => type), ["ack"]);
});

Deno.test("delivery: a reply that was delivered is not replayed", () => {
  const { delivery, ...bench } = newBench();
  delivery.receiveSegment(message(1, "q", 1), 0);
  delivery.send(2, Uint8Array.of(7), 0);
  delivery.receiveAck(packet({ type: "ack", number: 2, echo: 1 }), 10);
  bench.take();
  delivery.receiveRepeat(message(1, "q", 2), 20, { replay: true });
  assertEquals(bench.take().map(({ type }) => type), ["ack"]);
});

Deno.test("delivery: whatever comes first acknowledges the WELCOME, and measures it once", () => {
  for (const first of [packet({ type: "ack", echo: 2, ackDelay: 20 }), message(1, "q", 1, 2, 20)]) {
    const { delivery, rtt, ...bench } = newBench();
    assertEquals(delivery.welcomeAcknowledged(first, 0), false, "there was no WELCOME yet");
    assertEquals(delivery.welcomeSent(0), 1);
    assertEquals(delivery.welcomeSent(500), 2);
    assertEquals(delivery.nextTimeout, Infinity, "only a HELLO makes it go out again");
    assertEquals(delivery.isSending, false);
    assertEquals(delivery.welcomeAcknowledged(first, 570), true);
    assertEquals(rtt.smoothed, 50);
    assertEquals(delivery.welcomeAcknowledged(first, 900), false);
    assertEquals(rtt.smoothed, 50);
    assertEquals(bench.take(), []);
  }
});

Deno.test("delivery: a WELCOME that came is acknowledged as message 0, and not held back", () => {
  const { delivery, ...bench } = newBench();
  delivery.welcomeReceived(3, 100);
  assertEquals(delivery.nextTimeout, 100);
  delivery.handleTimeout(101);
  assertEquals(bench.take(), [packet({ type: "ack", number: 0, echo: 3, ackDelay: 1 })]);
});

function newBench() {
  const bench = new Bench();
  return { delivery: bench.delivery, rtt: bench.rtt, take: () => bench.take() };
}

// The Sorcerer's Apprentice (RFC 1123 §4.2.3.1): where each end answers a duplicate by sending its own
// message again, one duplicate doubles every datagram after it until the end of the conversation.

for (const delay of [0, 30, 200]) {
  Deno.test(`delivery: one duplicate over ${delay} ms costs a datagram or two, and no later ones`, () => {
    const cost = (duplicated: number) => {
      const link = new SessionLink({ delay });
      let count = 0;
      link.copies = () => count++ === duplicated ? 2 : 1;
      const turns: number[] = [];
      for (let turn = 0; turn < 10; turn++) {
        const before = link.sent.length;
        link.turn("q", "a");
        turns.push(link.sent.length - before);
      }
      return turns;
    };
    const undisturbed = cost(-1);
    for (let duplicated = 0; duplicated < 8; duplicated++) {
      const turns = cost(duplicated);
      const extra = turns.reduce((sum, n) => sum + n, 0) - undisturbed.reduce((sum, n) => sum + n);
      assert(extra >= 0 && extra <= 2, `datagram ${duplicated} doubled: ${turns}`);
      assertEquals(turns.slice(6), undisturbed.slice(6));
    }
  });

  Deno.test(`delivery: with every datagram over ${delay} ms doubled, turns cost no more and more`, () => {
    const link = new SessionLink({ delay });
    link.copies = () => 2;
    const turns: number[] = [];
    for (let turn = 0; turn < 60; turn++) {
      const before = link.sent.length;
      link.turn("q", "a");
      turns.push(link.sent.length - before);
    }
    // Two are new, each arrives once too often and is answered, and so on: but the sum stays small.
    assert(Math.max(...turns) <= 8, `${turns}`);
    const mean = (part: number[]) => part.reduce((sum, n) => sum + n, 0) / part.length;
    assert(mean(turns.slice(40)) <= mean(turns.slice(5, 25)) + 0.5, `${turns}`);
  });
}

Deno.test("delivery: with every datagram doubled, long messages arrive whole and end", () => {
  const link = new SessionLink({ delay: 20 });
  link.copies = () => 2;
  link.turn("q".repeat(20_000), "a".repeat(20_000));
  link.pass(10_000);
  const messages = link.sent.filter(({ packet }) => packet.type === "message");
  // The one in excess answers the copy of the question's last segment, in place of an ACK.
  assertEquals(messages.length, 2 * 19 + 1, "no other segment is sent again");
});
