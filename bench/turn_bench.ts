import { seededBytes, seededRandom } from "../laboratory/random.ts";
import type { Address } from "../transport/endpoint.ts";
import { IDLE_TIMEOUT_MS, Session } from "../transport/reliable/session.ts";

const MESSAGE = new Uint8Array(64).fill(0x78);
const ADDRESS: Address = { hostname: "192.0.2.1", port: 12_000 };

Deno.bench("a turn of two joined sessions, 64 bytes", oneTurn());

/** Joins an asker and an answerer, and gives back what has them take a turn, in 1 ms of their time. */
function oneTurn(): () => void {
  let sent: Uint8Array[] = [];
  let now = 0;
  const join = (role: "asker" | "answerer") => {
    const random = seededRandom(1);
    return new Session({
      id: 0x0123_4567_89ab_cdefn,
      role,
      address: ADDRESS,
      now,
      idleTimeout: IDLE_TIMEOUT_MS,
      output: {
        drop: () => {},
        transmit: (datagram) => void sent.push(datagram),
        sessionEvent: () => {},
      },
      random,
      randomBytes: (length) => seededBytes(random, length),
    });
  };
  const [asker, answerer] = [join("asker"), join("answerer")];
  asker.delivery.welcomeReceived(answerer.delivery.welcomeSent(now), now);
  const carry = (from: Session, to: Session) => {
    from.send(MESSAGE, now);
    for (const datagram of sent) to.receive(datagram, ADDRESS, now);
    sent = [];
  };
  return () => {
    now++;
    carry(asker, answerer);
    carry(answerer, asker);
    if (asker.turn !== "local") throw new Error("The turn did not come back");
  };
}
