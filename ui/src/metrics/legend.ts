/** The names, the figures and the order of many lines. Pure. */

import type { Labels, Series } from "./prom";

/** One line of a chart. `key` tells it from all others of the chart. */
export interface Line { key: string; name: string; labels: Labels; colour: string; values: readonly (number | null)[]; dash?: number[]; fill?: boolean }
export interface Figures { last: number | null; min: number | null; max: number | null; mean: number | null }
export type SortKey = "name" | "last" | "min" | "max" | "mean";

export const keyOf = (labels: Labels): string => JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));

/** The labels that all series have with one value, and those by which they differ. */
export function common(all: readonly Labels[]): { shared: Labels; differing: string[] } {
  const names = new Set(all.flatMap((labels) => Object.keys(labels)));
  const shared: Labels = {}, differing: string[] = [];
  for (const name of [...names].sort()) {
    const first = all[0]?.[name];
    if (first !== undefined && all.every((labels) => labels[name] === first)) shared[name] = first;
    else differing.push(name);
  }
  return { shared, differing };
}

const ORDER = ["__name__", "quantile", "name", "Name", "State", "node", "instance"];
const rank = (name: string): number => (ORDER.indexOf(name) + 1 || ORDER.length + 1);
const short = (name: string, value: string): string => (/^[0-9a-f]{28,}$/.test(value) ? `${value.slice(0, 8)}…` : name === "le" ? `≤ ${value}` : value);

/** A series' name in a legend: the values of the labels by which it differs from the others; the labels' names where a value alone would not tell. */
export function nameOf(labels: Labels, differing: readonly string[]): string {
  const shown = differing.filter((name) => labels[name] !== undefined && labels[name] !== "").sort((a, b) => rank(a) - rank(b));
  if (shown.length === 0) return labels.__name__ ?? "value";
  if (shown.length === 1) return short(shown[0] ?? "", labels[shown[0] ?? ""] ?? "");
  return shown.map((name) => (rank(name) <= ORDER.length && name !== "instance" ? short(name, labels[name] ?? "") : `${name}=${short(name, labels[name] ?? "")}`)).join(" · ");
}

/** A series as PromQL writes it. */
export const textOf = (labels: Labels): string => {
  const rest = Object.entries(labels).filter(([name]) => name !== "__name__").sort(([a], [b]) => (a < b ? -1 : 1));
  return `${labels.__name__ ?? ""}${rest.length || !labels.__name__ ? `{${rest.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ")}}` : ""}`;
};

export function figures(values: readonly (number | null)[]): Figures {
  let last: number | null = null, min: number | null = null, max: number | null = null, sum = 0, n = 0;
  for (const value of values) {
    if (value === null) continue;
    last = value;
    min = min === null || value < min ? value : min;
    max = max === null || value > max ? value : max;
    sum += value;
    n++;
  }
  return { last, min, max, mean: n ? sum / n : null };
}

/** Sorted by a figure (the greatest first, nothing last) or by name; `desc` turns it. */
export function sorted<T extends { name: string; figures: Figures }>(rows: readonly T[], by: SortKey, desc: boolean): T[] {
  const sign = desc ? -1 : 1;
  const byName = (a: T, b: T): number => a.name.localeCompare(b.name, undefined, { numeric: true });
  if (by === "name") return [...rows].sort((a, b) => sign * byName(a, b));
  return [...rows].sort((a, b) => {
    const x = a.figures[by], y = b.figures[by];
    if (x === null || y === null) return x === y ? byName(a, b) : x === null ? 1 : -1;
    return sign * (x - y) || byName(a, b);
  });
}

/** Rows whose text has every word. */
export function matching<T extends { text: string }>(rows: readonly T[], words: string): T[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return wanted.length ? rows.filter((row) => wanted.every((word) => row.text.toLowerCase().includes(word))) : [...rows];
}

/** A click shows one line alone, a second click on it all again; with `add` it joins those that are shown. Null: all. */
export function isolate(shown: ReadonlySet<string> | null, key: string, add: boolean): ReadonlySet<string> | null {
  if (!add) return shown?.size === 1 && shown.has(key) ? null : new Set([key]);
  const next = new Set(shown ?? []);
  if (!next.delete(key)) next.add(key);
  return next.size ? next : null;
}

/** Whether two lines say the same at every time. */
export const isSame = (a: Series, b: Series): boolean => a.values.length === b.values.length && a.values.every((value, i) => value === b.values[i]);

/** As a table: a row a time, a column a line. */
export function tableOf(times: readonly number[], lines: readonly { name: string; values: readonly (number | null)[] }[]): { columns: string[]; rows: Record<string, unknown>[] } {
  const names = lines.map((line, i) => (lines.findIndex((other) => other.name === line.name) === i ? line.name : `${line.name} (${i + 1})`));
  return { columns: ["time", ...names], rows: times.map((s, i) => Object.fromEntries([["time", new Date(s * 1e3).toISOString()], ...lines.map((line, j) => [names[j], line.values[i]])])) };
}
