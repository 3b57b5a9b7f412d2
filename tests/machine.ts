/**
 * Facts about the machine, as far as the permissions show them.
 *
 * @module
 */

/** Whether all of these permissions are granted. */
export function isGranted(...names: Deno.PermissionDescriptor["name"][]): boolean {
  return names.every((name) => Deno.permissions.querySync({ name }).state === "granted");
}

/** The two outputs of a command, joined; empty if it may not run, or is not there. */
export async function outputOf(command: string, ...args: string[]): Promise<string> {
  const { state } = Deno.permissions.querySync({ name: "run", command });
  if (state !== "granted") return "";
  try {
    const { stdout, stderr } = await new Deno.Command(command, { args }).output();
    return new TextDecoder().decode(Uint8Array.of(...stdout, ...stderr));
  } catch {
    return "";
  }
}

/** A UDP port that was free a moment ago. */
export function freePort(): number {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  socket.close();
  return (socket.addr as Deno.NetAddr).port;
}
