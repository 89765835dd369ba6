/** The text of filters: `state=FAILED duration_ns>5s name~^load`. The server knows the columns and values; here only the words are parted. Pure. */

export const OPERATORS = ["!~", "!=", "<=", ">=", "==", "=", "<", ">", "~"] as const;

const TERM = /^([A-Za-z_]\w*)\s*(!~|!=|<=|>=|==|=|<|>|~|\s+in\s+)\s*(.*)$/is;

export interface Term { column: string; op: string; value: string }

/** The terms of a text: parted at spaces that stand outside quotes and brackets; `a in x, y` and `and` are understood. */
export function split(text: string): string[] {
  const words: string[] = [];
  let word = "", quote = "", depth = 0;
  for (const char of text) {
    if (quote) {
      word += char;
      if (char === quote) quote = "";
    } else if (char === '"' || char === "'") {
      quote = char;
      word += char;
    } else if (/\s/.test(char) && depth === 0) {
      if (word) words.push(word);
      word = "";
    } else {
      if (char === "(") depth++;
      if (char === ")") depth = Math.max(0, depth - 1);
      word += char;
    }
  }
  if (word) words.push(word);
  return join(words);
}

/** Puts together again what belongs to one term: `a = b`, `a in b`, `a >= b`. */
function join(words: string[]): string[] {
  const terms: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "", next = words[i + 1], after = words[i + 2];
    if (word.toLowerCase() === "and") continue;
    if (next?.toLowerCase() === "in" && after !== undefined && /^[A-Za-z_]\w*$/.test(word)) {
      let value = after;
      i += 2;
      while (value.endsWith(",") && words[i + 1] !== undefined) value += words[++i];
      terms.push(`${word} in ${value}`);
    } else if (next !== undefined && after !== undefined && (OPERATORS as readonly string[]).includes(next)) {
      terms.push(`${word}${next}${after}`);
      i += 2;
    } else terms.push(word);
  }
  return terms;
}

/** A term's parts; null where it is a bare word. */
export function parse(term: string): Term | null {
  const found = TERM.exec(term.trim());
  return found ? { column: found[1] ?? "", op: (found[2] ?? "").trim().toLowerCase(), value: unquote((found[3] ?? "").trim()) } : null;
}

function unquote(value: string): string {
  const quote = value[0];
  return value.length > 1 && (quote === '"' || quote === "'") && value.endsWith(quote) ? value.slice(1, -1) : value;
}

export const escapePattern = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** What the server is asked: `column op value` each; a bare word looks for itself in `wordColumn`. */
export function toQuery(text: string, wordColumn: string): string[] {
  return split(text).map((word) => {
    const term = parse(word);
    if (!term) return `${wordColumn}~(?i)${escapePattern(unquote(word))}`;
    return term.op === "in" ? `${term.column} in ${term.value}` : `${term.column}${term.op}${term.value}`;
  });
}

/** A term in the form that `split` reads back as one. */
export function format({ column, op, value }: Term): string {
  const quoted = /[\s'"()]/.test(value) ? (value.includes('"') ? `'${value}'` : `"${value}"`) : value;
  return op === "in" ? `${column} in ${value.replace(/\s+/g, "")}` : `${column}${op}${quoted}`;
}

/** The text with one more term: it takes the place of an equal condition on its column. */
export function withTerm(text: string, term: Term): string {
  const kept = split(text).filter((word) => {
    const other = parse(word);
    return !(other?.column === term.column && (other.op === term.op || other.op === "in") && term.op === "=");
  });
  const added = format(term);
  return [...kept.filter((word) => word !== added), added].join(" ");
}

export const without = (text: string, at: number): string => split(text).filter((_, i) => i !== at).join(" ");
