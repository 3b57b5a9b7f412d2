/**
 * Where else a server can be reached.
 *
 * @module
 */
import { DEFAULT_PORT } from "../protocol.ts";

/**
 * The commands that connect to a server from other machines: one for each address of this machine if
 * the server listens on all of them, none if it listens on one that was chosen.
 */
export function clientCommands({ hostname, port }: Deno.NetAddr): string[] {
  if (hostname !== "0.0.0.0" && hostname !== "::") return [];
  const options = port === DEFAULT_PORT ? "" : ` --puerto ${port}`;
  const addresses = Deno.networkInterfaces()
    .filter(({ family }) => hostname === "::" || family === "IPv4")
    .map(({ address }) => address)
    .filter((address) => !isLocal(address));
  if (addresses.length === 0) {
    return ["Este equipo no tiene ninguna dirección de red: solo se llega a él desde él mismo"];
  }
  return [
    "Desde otro equipo de la red, escriba:",
    ...addresses.map((address) => `  deno task cliente --host ${address}${options}`),
  ];
}

// Loopback is this machine alone, and a link-local address means nothing without its interface.
function isLocal(address: string): boolean {
  return /^(?:127\.|169\.254\.|::1$|fe[89ab])/i.test(address);
}
