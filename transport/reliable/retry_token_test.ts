import { assertEquals, assertNotEquals } from "@std/assert";
import { seededBytes, seededRandom } from "../../laboratory/random.ts";
import { hmac } from "../../tests/simulation.ts";
import { MAX_TOKEN_BYTES } from "./packet.ts";
import { RetryTokens, TOKEN_EPOCH_MS } from "./retry_token.ts";

const CLIENT = { hostname: "192.0.2.7", port: 40_001 };
const NONCE = 0x0123_4567_89ab_cdefn;

function newTokens(seed = 1): RetryTokens {
  const random = seededRandom(seed);
  return new RetryTokens({ hmac, randomBytes: (length) => seededBytes(random, length) });
}

Deno.test("retry token: comes back from the address and with the nonce it was minted for", () => {
  const tokens = newTokens();
  const token = tokens.mint(CLIENT, NONCE, 0);
  assertEquals(tokens.check(token, CLIENT, NONCE, 0), true);
  assertEquals(token.length <= MAX_TOKEN_BYTES, true);
});

Deno.test("retry token: another address, port or nonce is refused", () => {
  const tokens = newTokens();
  const token = tokens.mint(CLIENT, NONCE, 0);
  for (const hostname of ["192.0.2.8", "192.0.2.70", "192.0.2.", "", "::ffff:192.0.2.7"]) {
    assertEquals(tokens.check(token, { ...CLIENT, hostname }, NONCE, 0), false, hostname);
  }
  for (const port of [40_000, 40_002, 40_001 ^ 0x8000, 1, 65_535]) {
    assertEquals(tokens.check(token, { ...CLIENT, port }, NONCE, 0), false, `${port}`);
  }
  for (let bit = 0n; bit < 64n; bit++) {
    assertEquals(tokens.check(token, CLIENT, NONCE ^ 1n << bit, 0), false, `bit ${bit}`);
  }
});

Deno.test("retry token: IPv6 addresses are told apart", () => {
  const tokens = newTokens();
  const address = { hostname: "2001:db8::1", port: 1 };
  const token = tokens.mint(address, NONCE, 0);
  assertEquals(tokens.check(token, address, NONCE, 0), true);
  assertEquals(tokens.check(token, { ...address, hostname: "2001:db8::2" }, NONCE, 0), false);
});

Deno.test("retry token: every byte of it counts", () => {
  const tokens = newTokens();
  const token = tokens.mint(CLIENT, NONCE, TOKEN_EPOCH_MS);
  for (let at = 0; at < token.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const forged = token.slice();
      forged[at]! ^= 1 << bit;
      assertEquals(tokens.check(forged, CLIENT, NONCE, TOKEN_EPOCH_MS), false, `byte ${at}`);
    }
  }
});

Deno.test("retry token: malformed token length", () => {
  const tokens = newTokens();
  const token = tokens.mint(CLIENT, NONCE, 0);
  for (let length = 0; length < token.length; length++) {
    assertEquals(tokens.check(token.subarray(0, length), CLIENT, NONCE, 0), false, `${length}`);
  }
  assertEquals(tokens.check(Uint8Array.of(...token, 0), CLIENT, NONCE, 0), false);
  assertEquals(tokens.check(new Uint8Array(token.length), CLIENT, NONCE, 0), false);
});

Deno.test("retry token: it is read where it lies in a larger buffer", () => {
  const tokens = newTokens();
  const buffer = new Uint8Array(100);
  const token = tokens.mint(CLIENT, NONCE, 3 * TOKEN_EPOCH_MS);
  buffer.set(token, 11);
  const view = buffer.subarray(11, 11 + token.length);
  assertEquals(tokens.check(view, CLIENT, NONCE, 3 * TOKEN_EPOCH_MS), true);
});

// When a token is minted and when it comes back, in s, and whether it is accepted: it lives to the
// end of the epoch after its own, so 120 s at least and less than 240 s.
const AGES: readonly (readonly [minted: number, back: number, accepted: boolean])[] = [
  [0, 0, true],
  [0, 119.999, true],
  [0, 120, true],
  [0, 239.999, true],
  [0, 240, false],
  [119.999, 239.999, true],
  [119.999, 240, false],
  [120, 359.999, true],
  [120, 360, false],
  [1000, 1120, true],
  [1000, 1240, false],
  [0, 480, false],
];

for (const [minted, back, accepted] of AGES) {
  const name = `minted at ${minted} s and back at ${back} s`;
  Deno.test(`retry token: ${name} is ${accepted ? "accepted" : "refused"}`, () => {
    const tokens = newTokens();
    const token = tokens.mint(CLIENT, NONCE, minted * 1000);
    assertEquals(tokens.check(token, CLIENT, NONCE, back * 1000), accepted);
  });
}

Deno.test("retry token: it is still accepted when others were minted in between", () => {
  const tokens = newTokens();
  const token = tokens.mint(CLIENT, NONCE, 119_000);
  const other = tokens.mint(CLIENT, NONCE, 121_000);
  assertEquals(tokens.check(token, CLIENT, NONCE, 122_000), true);
  assertEquals(tokens.check(other, CLIENT, NONCE, 122_000), true);
  assertEquals(tokens.check(other, CLIENT, NONCE, 241_000), true);
  assertEquals(tokens.check(token, CLIENT, NONCE, 241_000), false);
});

Deno.test("retry token: the same one throughout an epoch, another one after it", () => {
  const tokens = newTokens();
  const token = tokens.mint(CLIENT, NONCE, 120_000);
  assertEquals(tokens.mint(CLIENT, NONCE, 239_999), token);
  assertNotEquals(tokens.mint(CLIENT, NONCE, 240_000), token);
});

Deno.test("retry token: another server's, or the same server's before a restart, is refused", () => {
  const token = newTokens(1).mint(CLIENT, NONCE, 0);
  const restarted = newTokens(2);
  assertEquals(restarted.check(token, CLIENT, NONCE, 0), false);
  restarted.mint(CLIENT, NONCE, 0);
  assertEquals(restarted.check(token, CLIENT, NONCE, 0), false);
});

// A token that names an epoch without a secret must not be checked under an empty one: anyone could
// mint that.
Deno.test("retry token: whatever epoch a token names, it is checked under 32 secret bytes", () => {
  let checks = 0;
  const random = seededRandom(1);
  const options = {
    hmac: (key: Uint8Array, data: Uint8Array) => {
      checks++;
      assertEquals(key.length, 32);
      return hmac(key, data);
    },
    randomBytes: (length: number) => seededBytes(random, length),
  };
  const running = new RetryTokens(options);
  for (const now of [0, 1, 120_000, 480_000, 600_000, 720_000]) {
    for (const tokens of [running, new RetryTokens(options)]) {
      for (const epoch of [0, 1, 2, 3, 4, 5, 6, 0xffff_ffff]) {
        const forged = new Uint8Array(36);
        new DataView(forged.buffer).setUint32(0, epoch);
        assertEquals(tokens.check(forged, CLIENT, NONCE, now), false);
      }
    }
  }
  assertEquals(checks > 0, true);
});

// If the parts were only put one after the other, bytes of one could be taken for bytes of the next,
// and an attacker's own token would serve for a neighbour's address.
Deno.test("retry token: no two clients spell the same bytes under the secret", () => {
  const spelt = new Map<string, string>();
  let bytes = "";
  const random = seededRandom(1);
  const tokens = new RetryTokens({
    hmac(_key, data) {
      bytes = data.join();
      return new Uint8Array(32);
    },
    randomBytes: (length) => seededBytes(random, length),
  });
  const hosts = [
    "",
    "1",
    "12",
    "1 1",
    "12849 1",
    "1\u0002",
    "::1",
    "::",
    "192.0.2.1",
    "192.0.2.11",
    "192.0.2.",
  ];
  const ports = [0x3131, 0x0231, 0x3102, 1, 0x3200];
  const nonces = [0n, 0x3131_3131_3131_3131n, 0x0231_3108_3131_3131n];
  for (const hostname of hosts) {
    for (const port of ports) {
      for (const nonce of nonces) {
        for (const epoch of [0, 1]) {
          tokens.mint({ hostname, port }, nonce, epoch * TOKEN_EPOCH_MS);
          const client = `${hostname} ${port} ${nonce} ${epoch}`;
          assertEquals(spelt.get(bytes) ?? client, client);
          spelt.set(bytes, client);
        }
      }
    }
  }
  assertEquals(spelt.size, hosts.length * ports.length * nonces.length * 2);
});
