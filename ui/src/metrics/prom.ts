/** Prometheus's HTTP API: what is asked, what is answered, what went wrong and where. Pure but for `askRange`. */

import { Away, listeners } from "../lib/api";
import { gridOf, type Span } from "./time";

export type Labels = Record<string, string>;
export interface Series { labels: Labels; values: (number | null)[] }
export interface Answer { times: number[]; series: Series[]; warnings: string[]; tookMs: number }

type Sample = [number, string];
interface Body {
  status: "success" | "error"; error?: string; errorType?: string; warnings?: string[]; infos?: string[];
  data?: { resultType: string; result: { metric: Labels; values?: Sample[]; value?: Sample }[] | Sample };
}

/** A refusal in Prometheus's words. `line` and `column` (from 1) where it says them. */
export class PromError extends Error {
  readonly line: number | null;
  readonly column: number | null;
  constructor(readonly kind: string, message: string) {
    super(message.replace(/^invalid parameter "query":\s*/, "").replace(/^(\d+:\d+:\s*)?parse error:\s*/, ""));
    const place = /(?:^|\s)(\d+):(\d+):/.exec(message);
    this.line = place ? Number(place[1]) : null;
    this.column = place ? Number(place[2]) : null;
  }
}

export const promUrl = (session: string, what: string, params: Record<string, string | number>): string =>
  `/prometheus/${encodeURIComponent(session)}/api/v1/${what}?${new URLSearchParams(Object.entries(params).map(([name, value]) => [name, String(value)]))}`;

/** `NaN` draws a gap as a missing value does; infinities cannot be drawn. */
export function numberOf(text: string): number | null {
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

/** Each series on the grid of times. */
export function onGrid(times: readonly number[], stepS: number, result: readonly { metric: Labels; values?: Sample[] }[]): Series[] {
  const first = times[0] ?? 0;
  return result.map(({ metric, values = [] }) => {
    const row = new Array<number | null>(times.length).fill(null);
    for (const [at, text] of values) {
      const i = Math.round((at - first) / stepS);
      if (i >= 0 && i < row.length) row[i] = numberOf(text);
    }
    return { labels: metric, values: row };
  });
}

/** At most so many questions at once: a page has many charts, and other questions want their turn. */
const AT_ONCE = 4;
let running = 0;
const waiting: (() => void)[] = [];

async function turn(signal: AbortSignal): Promise<() => void> {
  while (running >= AT_ONCE) await new Promise<void>((go) => waiting.push(go));
  running++;
  const done = (): void => { running--; waiting.shift()?.(); };
  if (!signal.aborted) return done;
  done();
  throw signal.reason;
}

/** A range query. Raises PromError in the server's words, Away where it does not answer. */
export async function askRange(session: string, expr: string, span: Span, stepS: number, signal: AbortSignal): Promise<Answer> {
  const done = await turn(signal);
  try {
    const times = gridOf(span, stepS), startMs = performance.now();
    const url = promUrl(session, "query_range", { query: expr, start: times[0] ?? 0, end: times.at(-1) ?? 0, step: stepS });
    const body = await answered(url, signal);
    const result = body.data?.result ?? [];
    const isMatrix = body.data?.resultType === "matrix";
    return { times, series: isMatrix ? onGrid(times, stepS, result as { metric: Labels; values: Sample[] }[]) : [], warnings: [...(body.warnings ?? []), ...(body.infos ?? [])], tookMs: performance.now() - startMs };
  } finally {
    done();
  }
}

/** The label values of a metric, for filters. */
export async function askLabelValues(session: string, label: string, metric: string, span: Span, signal: AbortSignal): Promise<string[]> {
  const url = promUrl(session, `label/${encodeURIComponent(label)}/values`, { "match[]": metric, start: span.fromMs / 1e3, end: span.toMs / 1e3 });
  const body = (await answered(url, signal)) as unknown as { data?: string[] };
  return body.data ?? [];
}

async function answered(url: string, signal: AbortSignal): Promise<Body> {
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    if (signal.aborted) throw error;
    listeners.forEach((listener) => listener(false));
    throw new Away("the server does not answer");
  }
  listeners.forEach((listener) => listener(true));
  const body = (await response.json().catch(() => ({}))) as Partial<Body> & { message?: string; hint?: string };
  if (response.ok && body.status === "success") return body as Body;
  throw new PromError(body.errorType ?? String(response.status), body.error ?? body.message ?? `the server answers ${response.status}`);
}
