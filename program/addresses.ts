/**
 * The commands that reach a server.
 *
 * @module
 */
import { DEFAULT_HOSTNAME, DEFAULT_PORT } from "../protocol.ts";

/**
 * The commands that connect to a server: one for each address of this machine, if the server listens on
 * all of them. On an address that was chosen, one if it needs `more`, and otherwise none.
 *
 * @param more The end of the command, led by a space, or nothing.
 */
export function clientCommands({ hostname, port }: Deno.NetAddr, more: string): string[] {
  const options = (port === DEFAULT_PORT ? "" : ` --puerto ${port}`) + more;
  if (hostname !== "0.0.0.0" && hostname !== "::") {
    const host = hostname === DEFAULT_HOSTNAME ? "" : ` --host ${hostname}`;
    return more === "" ? [] : ["Para entrar, escriba:", `  deno task cliente${host}${options}`];
  }
  const addresses = Deno.networkInterfaces()
    .filter(({ family }) => hostname === "::" || family === "IPv4")
    .map(({ address }) => address)
    .filter((address) => !isLocal(address));
  if (addresses.length === 0) {
    return ["Este equipo no tiene ninguna dirección de red: solo se puede entrar desde él mismo"];
  }
  return [
    "Desde otro equipo de la red, escriba:",
    ...addresses.map((address) => `  deno task cliente --host ${address}${options}`),
  ];
}

// Loopback does not leave this machine, and a link-local address needs its interface.
function isLocal(address: string): boolean {
  return /^(?:127\.|169\.254\.|::1$|fe[89ab])/i.test(address);
}
