/** A function's colour: one of twelve hues of equal lightness, the same everywhere and on every machine. Pure. */

export const HUES = 12;

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
export const hueOf = (name: string): number => (hash(name) >>> 8) % HUES;

/** Light on dark ground and dark on light ground both keep 3:1 against the ground. */
export const hueColour = (name: string, dark: boolean): string => `oklch(${dark ? "0.72 0.1" : "0.62 0.11"} ${hueOf(name) * (360 / HUES) + 10})`;
