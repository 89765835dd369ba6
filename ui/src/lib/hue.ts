/** A function's colour: one of twelve hues of equal lightness, the same everywhere and on every machine. Pure. */

export const HUES = 12;
/** Degrees of the first hue and between two: red is left out, which means a failure. */
const FIRST = 55, STEP = 25;

/** FNV-1a, 32 bits. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    value ^= text.charCodeAt(i);
    value = Math.imul(value, 0x01000193);
  }
  return value >>> 0;
}

/** The hue's number, 0 to 11. */
export const hueOf = (name: string): number => hash(name) % HUES;

/** Against the ground 3:1 or more in both themes; white words on the light one, black on the dark one keep 4.5:1. */
export const hueColour = (name: string, dark: boolean): string => `oklch(${dark ? "0.74 0.1" : "0.53 0.11"} ${FIRST + hueOf(name) * STEP})`;

/** Neighbours in a legend lie far apart on the circle. */
const APART = [8, 0, 4, 10, 2, 6, 9, 1, 5, 11, 3, 7] as const;
/** The colour of a line by its place, where names would often meet in one hue. After twelve they come again, dashed. */
export const hueAt = (place: number, dark: boolean): string => `oklch(${dark ? "0.74 0.1" : "0.53 0.11"} ${FIRST + (APART[place % HUES] ?? 0) * STEP})`;
export const dashAt = (place: number): number[] | undefined => [undefined, [6, 3], [2, 2], [8, 3, 2, 3]][Math.floor(place / HUES) % 4];
