/** What happened, as thin marks on charts: near ones become one. Pure. */

import { some } from "../lib/format";
import type { Kind } from "../lib/states";

export interface Happening { ms: number; kind: Kind; text: string; href: string }
export interface EventMark { ms: number; kind: Kind; texts: string[]; count: number; href: string }

/** The kinds, the worst first. */
export const WORST: readonly Kind[] = ["failed", "lost", "retried", "waiting", "ended", "running", "finished"];
const SHOWN = 4;

/** Happenings of one time window, those closer than `nearMs` as one mark: its kind is the worst, its link the first of that kind. */
export function grouped(happenings: readonly Happening[], fromMs: number, toMs: number, nearMs: number): EventMark[] {
  const marks: { at: number; all: Happening[] }[] = [];
  for (const one of [...happenings].sort((a, b) => a.ms - b.ms)) {
    if (one.ms < fromMs || one.ms > toMs) continue;
    const last = marks.at(-1);
    if (last && one.ms - last.at <= nearMs) last.all.push(one);
    else marks.push({ at: one.ms, all: [one] });
  }
  return marks.map(({ at, all }) => {
    const worst = [...all].sort((a, b) => WORST.indexOf(a.kind) - WORST.indexOf(b.kind))[0] as Happening;
    const texts = [...tally(all)].slice(0, SHOWN);
    return { ms: at, kind: worst.kind, texts, count: all.length, href: worst.href };
  });
}

/** Equal texts once, with how often. */
function tally(all: readonly Happening[]): string[] {
  const counts = new Map<string, number>();
  for (const { text } of all) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).map(([text, n]) => (n > 1 ? `${n} × ${text}` : text));
}

export const wordsOf = (mark: EventMark): string => (mark.texts.length < mark.count && mark.texts.length >= SHOWN ? `${mark.texts.join("; ")}; ${some(mark.count, "event")} in all` : mark.texts.join("; "));
