/** Terminal colours in a line of text, as spans. Escapes that mean no colour are dropped. Pure. */

export interface Span { text: string; classes: string }

// eslint-disable-next-line no-control-regex
const ESCAPES = /\u001b\[([0-9;:]*)m|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b[@-Z\\-_]/g;

interface Look { colour: string; bold: boolean; dim: boolean; italic: boolean; underline: boolean; inverse: boolean }
const PLAIN: Look = { colour: "", bold: false, dim: false, italic: false, underline: false, inverse: false };

export function spans(text: string): Span[] {
  if (!text.includes("\u001b")) return [{ text, classes: "" }];
  const found: Span[] = [];
  let look = PLAIN, at = 0;
  const add = (part: string): void => { if (part) found.push({ text: part, classes: classesOf(look) }); };
  for (const match of text.matchAll(ESCAPES)) {
    add(text.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[1] !== undefined) look = apply(look, match[1]);
  }
  add(text.slice(at));
  return found;
}

function apply(look: Look, codes: string): Look {
  const numbers = codes === "" ? [0] : codes.split(/[;:]/).map(Number);
  let next = { ...look };
  for (let i = 0; i < numbers.length; i++) {
    const code = numbers[i] ?? 0;
    if (code === 0) next = { ...PLAIN };
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 7) next.inverse = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 39) next.colour = "";
    else if (code >= 30 && code <= 37) next.colour = String(code - 30);
    else if (code >= 90 && code <= 97) next.colour = String(code - 90);
    else if (code === 38 || code === 48) {
      if (code === 38 && numbers[i + 1] === 5) next.colour = of256(numbers[i + 2] ?? 0);
      i += numbers[i + 1] === 5 ? 2 : numbers[i + 1] === 2 ? 4 : 0;
    }
  }
  return next;
}

/** Of 256 colours only the first sixteen have a name; of the others the nearest of eight is told by its parts. */
function of256(code: number): string {
  if (code < 16) return String(code % 8);
  if (code > 231) return "7";
  const part = code - 16, r = Math.floor(part / 36) > 2, g = Math.floor((part % 36) / 6) > 2, b = part % 6 > 2;
  return String((r ? 1 : 0) + (g ? 2 : 0) + (b ? 4 : 0));
}

function classesOf(look: Look): string {
  return [look.colour && `ansi${look.colour}`, look.bold && "ansi-bold", look.dim && "ansi-dim", look.italic && "ansi-italic", look.underline && "ansi-underline", look.inverse && "ansi-inverse"].filter(Boolean).join(" ");
}

/** The text without escapes, for copying and searching. */
export const stripped = (text: string): string => text.replace(ESCAPES, "");
