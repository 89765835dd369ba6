/** What may follow while a query is typed: metrics, functions, labels. Pure. */

import type { Metric } from "./build";

export interface Offer { text: string; note: string; insert: string; }

const FUNCTIONS: Record<string, string> = {
  rate: "growth of a counter, a second", irate: "the same from its last two samples", increase: "growth of a counter over a window", delta: "change of a gauge over a window", deriv: "slope of a gauge, a second", histogram_quantile: "a quantile of a histogram's buckets",
  sum: "added up", avg: "mean", min: "least", max: "greatest", count: "how many series", topk: "the greatest", bottomk: "the least", quantile: "a quantile over series", stddev: "deviation over series", group: "1 for each group", count_values: "how often each value",
  avg_over_time: "mean over a window", max_over_time: "greatest in a window", min_over_time: "least in a window", sum_over_time: "sum over a window", count_over_time: "samples in a window", quantile_over_time: "a quantile over a window", last_over_time: "last in a window", predict_linear: "where a gauge goes",
  clamp_min: "not below", clamp_max: "not above", abs: "without sign", ceil: "rounded up", floor: "rounded down", round: "rounded", label_replace: "a label from another", label_join: "a label from several", absent: "1 where there is nothing", time: "now, in seconds", timestamp: "the time of a sample", scalar: "a vector's one value", sort: "by value", resets: "resets of a counter", changes: "how often it changed",
  by: "the labels that are kept", without: "the labels that go", offset: "from earlier", on: "the labels that match", ignoring: "the labels that need not", bool: "0 or 1", group_left: "many to one", and: "in both", or: "in either", unless: "not in the other",
};

/** The word before the cursor, and whether it stands among a selector's labels. */
export function wordAt(text: string, cursor: number): { word: string; from: number; metric: string | null } {
  const before = text.slice(0, cursor), word = /[a-zA-Z_:][\w:]*$/.exec(before)?.[0] ?? "";
  const inside = /([a-zA-Z_:][\w:]*)\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*$/.exec(before);
  return { word, from: cursor - word.length, metric: inside?.[1] ?? null };
}

const MOST = 10;

export function offers(text: string, cursor: number, metrics: readonly Metric[]): Offer[] {
  const { word, metric } = wordAt(text, cursor);
  const low = word.toLowerCase();
  if ((text.slice(0, cursor).match(/"/g)?.length ?? 0) % 2) return [];
  if (metric !== null) {
    const labels = metrics.find((one) => one.name === metric || one.name === metric.replace(/_(bucket|sum|count)$/, ""))?.labels ?? [];
    return labels.filter((label) => label.toLowerCase().startsWith(low) && label !== word).slice(0, MOST).map((label) => ({ text: label, note: "label", insert: `${label}="` }));
  }
  if (low.length < 2) return [];
  const functions = Object.entries(FUNCTIONS).filter(([name]) => name.startsWith(low) && name !== word).map(([name, note]) => ({ text: name, note, insert: `${name}${/^(by|without|offset|on|ignoring|bool|group_left|and|or|unless)$/.test(name) ? " " : "("}` }));
  const found = metrics.filter((one) => one.name.toLowerCase().includes(low) && one.name !== word).sort((a, b) => Number(b.name.startsWith(word)) - Number(a.name.startsWith(word)) || a.name.localeCompare(b.name));
  return [...found.slice(0, MOST - Math.min(3, functions.length)).map((one) => ({ text: one.name, note: one.help || one.type, insert: one.type === "histogram" ? `${one.name}_bucket` : one.name })), ...functions.slice(0, MOST)].slice(0, MOST);
}
