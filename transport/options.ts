/**
 * Bounds of the options.
 *
 * @module
 */

/** Gives back an integer in its bounds, or throws a `RangeError` that names the option. */
export function checkInteger(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(
    `Invalid option, expected an integer from ${least} to ${most}: ${name} "${value}"`,
  );
}

/** Gives back a limit from 1 to a million, or throws a `RangeError` that names the option. */
export function checkLimit(name: string, value: number): number {
  return checkInteger(name, value, 1, 1_000_000);
}

/** Gives back a port from `least` up, or throws a `RangeError`. */
export function checkPort(port: number, least: 0 | 1): number {
  return checkInteger("port", port, least, 65_535);
}

/** Gives back a time in ms from one second to one day, or throws a `RangeError`. */
export function checkDuration(name: string, milliseconds: number): number {
  return checkInteger(name, milliseconds, 1_000, 86_400_000);
}
