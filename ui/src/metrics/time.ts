/** The time that a chart covers, and the steps in which it is asked for. Times in ms since epoch. Pure. */

export interface Span { fromMs: number; toMs: number }

const MS: Record<string, number> = { ms: 1, s: 1e3, m: 6e4, min: 6e4, h: 3.6e6, d: 8.64e7, w: 6.048e8 };

/** A time as it stands in an address: ISO (UTC where it names no zone), epoch seconds or ns, `now`, relative (`-5m`). Null where it is none. */
export function readTime(text: string | null, nowMs: number): number | null {
  if (!text) return null;
  if (text === "now") return nowMs;
  const relative = /^-(\d+(?:\.\d+)?)(ms|s|min|m|h|d|w)$/.exec(text);
  if (relative) return nowMs - Number(relative[1]) * (MS[relative[2] ?? "s"] ?? 1e3);
  if (/^\d+(\.\d+)?$/.test(text)) return /^\d{18,}$/.test(text) ? Number(text) / 1e6 : Number(text) * 1e3;
  const at = Date.parse(/[Zz]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(at) ? null : at;
}

interface Bounds { since: string | null; until: string | null; at: string | null }

/** What of a life is looked at: bounded by the page's range, and by "as of". A life without an end goes on until now. */
export function spanOf(startMs: number, endMs: number | null, bounds: Bounds, nowMs: number): Span {
  const asOf = readTime(bounds.at, nowMs) ?? Infinity;
  const toMs = Math.min(readTime(bounds.until, nowMs) ?? endMs ?? nowMs, asOf);
  const fromMs = readTime(bounds.since, nowMs) ?? startMs;
  return { fromMs: Math.min(fromMs, toMs - 1000), toMs };
}

/** A span with a little room on both sides, not beyond now. */
export function padded(span: Span, nowMs: number, share = 0.04): Span {
  const room = Math.max(2000, (span.toMs - span.fromMs) * share);
  return { fromMs: span.fromMs - room, toMs: Math.min(nowMs, span.toMs + room) };
}

/** What of two spans is in both; the first where nothing is. */
export function within(span: Span, bounds: Span): Span {
  const fromMs = Math.max(span.fromMs, bounds.fromMs), toMs = Math.min(span.toMs, bounds.toMs);
  return toMs > fromMs ? { fromMs, toMs } : span;
}

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];

/** The step in seconds that gives at most about `points` values. */
export const stepOf = (span: Span, points: number): number => STEPS_S.find((step) => (span.toMs - span.fromMs) / 1e3 / step <= points) ?? 86_400;

const SCRAPE_S = 5;
/** Over how long a rate is taken: four scrapes at least, so that a late one leaves no hole; never under a step, so that nothing is skipped. */
export const rateWindow = (stepS: number): number => Math.max(4 * SCRAPE_S, stepS + SCRAPE_S);

/** A length of time as PromQL writes it: `90s`, `5m`. */
export const promDuration = (seconds: number): string => {
  const whole = Math.max(1, Math.round(seconds));
  if (whole % 3600 === 0) return `${whole / 3600}h`;
  return whole % 60 === 0 ? `${whole / 60}m` : `${whole}s`;
};

/** The expression with Grafana's variables filled in: `$__rate_interval`, `$__interval`, `$__range`. */
export function filled(expr: string, span: Span, stepS: number): string {
  const values: Record<string, number> = { __rate_interval: rateWindow(stepS), __interval: stepS, __range: (span.toMs - span.fromMs) / 1e3 };
  return expr.replace(/\$(?:\{(__\w+)\}|(__\w+))/g, (all, braced: string | undefined, bare: string | undefined) => {
    const seconds = values[braced ?? bare ?? ""];
    return seconds === undefined ? all : promDuration(seconds);
  });
}

/** Seconds since epoch of each value: whole steps, so that the same times are asked for again and again while the window moves. */
export function gridOf(span: Span, stepS: number): number[] {
  const first = Math.ceil(span.fromMs / 1e3 / stepS), last = Math.floor(span.toMs / 1e3 / stepS);
  return Array.from({ length: Math.max(1, last - first + 1) }, (_, i) => (first + i) * stepS);
}
