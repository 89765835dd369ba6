/** The answers to several queries over one window: asked again when query or window change; the last answers stay until the next are there. */

import { untrack } from "svelte";
import { Away } from "../lib/api";
import { wall } from "../lib/clock.svelte";
import { live } from "../lib/live.svelte";
import { range } from "../lib/range.svelte";
import type { Session } from "../lib/types";
import { askRange, type Answer } from "./prom";
import { filled, gridOf, padded, spanOf, within, type Span } from "./time";

export interface Wanted { session: string; exprs: readonly string[]; span: Span; stepS: number }
/** `text`: as it was asked for, `expr`: with its variables filled in. */
export interface Outcome { text: string; expr: string; answer: Answer | null; error: Error | null }

const SLOW_MS = 300, LONG_MS = 2000;
/** While the pointer drags or zooms the window changes with every frame. */
const SETTLE_MS = 120;
/** A window that only grows, as of what lives, is asked for again as often as samples come, and for a fifth of the time at most. */
const GROWTH_MS = 4000, REST_TIMES = 4, GROWTH_SHARE = 0.1;

export function useRanges(wanted: () => Wanted | null) {
  let outcomes = $state.raw<readonly Outcome[]>([]);
  let isLoading = $state(true), isSlow = $state(false), isLong = $state(false);
  let turn = $state(0);
  let controller: AbortController | null = null;
  let asked: Wanted | null = null, doneMs = 0, tookMs = 0;

  function waitMs(now: Wanted): number {
    if (!asked || outcomes.length === 0) return 0;
    const grew = now.span.toMs - asked.span.toMs, length = asked.span.toMs - asked.span.fromMs;
    const isGrowth = now.exprs.join() === asked.exprs.join() && now.span.fromMs === asked.span.fromMs && grew > 0 && grew < Math.max(GROWTH_MS, GROWTH_SHARE * length);
    return isGrowth ? Math.max(SETTLE_MS, doneMs + Math.max(GROWTH_MS, REST_TIMES * tookMs) - performance.now()) : SETTLE_MS;
  }

  const key = $derived.by(() => {
    const now = wanted();
    if (!now || !now.session || now.exprs.length === 0) return "";
    const grid = gridOf(now.span, now.stepS);
    return JSON.stringify([now.session, now.exprs.map((expr) => filled(expr, now.span, now.stepS)), grid[0], grid.at(-1), now.stepS]);
  });

  async function load(now: Wanted): Promise<void> {
    controller?.abort();
    const mine = (controller = new AbortController());
    asked = now;
    isLoading = true;
    const startMs = performance.now();
    const timers = [setTimeout(() => (isSlow = true), SLOW_MS), setTimeout(() => (isLong = true), LONG_MS)];
    try {
      const found = await Promise.all(now.exprs.map(async (text): Promise<Outcome> => {
        const expr = filled(text, now.span, now.stepS);
        try {
          return { text, expr, answer: await askRange(now.session, expr, now.span, now.stepS, mine.signal), error: null };
        } catch (error) {
          if (mine.signal.aborted) throw error;
          return { text, expr, answer: null, error: error as Error };
        }
      }));
      // Where the server went away, what is shown stays.
      const isGone = found.every((one) => one.error instanceof Away) && outcomes.some((one) => one.answer);
      if (!mine.signal.aborted && !isGone) outcomes = found;
    } catch (error) {
      if (!mine.signal.aborted) throw error;
    } finally {
      timers.forEach(clearTimeout);
      if (controller === mine) {
        doneMs = performance.now();
        tookMs = doneMs - startMs;
        isLoading = isSlow = isLong = false;
      }
    }
  }

  $effect(() => {
    void [key, turn];
    if (!key) {
      outcomes = [];
      isLoading = false;
      return;
    }
    const now = untrack(wanted);
    const timer = setTimeout(() => { if (now) void load(now); }, now ? untrack(() => waitMs(now)) : 0);
    return () => clearTimeout(timer);
  });
  $effect(() => () => controller?.abort());
  const again = (): void => untrack(() => { turn++; });
  $effect(() => { if (live.link === "open" && untrack(() => outcomes.some((one) => one.error instanceof Away))) again(); });

  return {
    get outcomes() { return outcomes; },
    get isLoading() { return isLoading; },
    get isSlow() { return isSlow; },
    get isLong() { return isLong; },
    again,
    stop: () => { controller?.abort(); isLoading = isSlow = isLong = false; },
  };
}

const REFRESH_MS = 5000;
/** The time as charts take it: it steps as often as samples come. */
export const chartNow = (): number => Math.floor(wall.nowNs / 1e6 / REFRESH_MS) * REFRESH_MS;

const HOUR_MS = 3.6e6;
/** What of a session is looked at: to now while it lives, else to its end, or to the last that was heard of it. */
export function sessionSpan(session: Session | null): Span {
  const nowMs = chartNow(), isLive = session?.state === "LIVE";
  const endNs = session?.ended_ns ?? (isLive ? null : (session?.last_word_ns ?? null));
  return spanOf((session?.started_ns ?? 0) / 1e6 || nowMs - HOUR_MS, endNs === null ? null : endNs / 1e6, range, nowMs);
}

/** What of the life of a job, an actor or an attempt is looked at, with a little room around it. */
export function lifeSpan(startNs: number | null, endNs: number | null, session: Session | null): Span {
  const whole = sessionSpan(session);
  if (startNs === null) return whole;
  const nowMs = chartNow();
  const life = padded({ fromMs: startNs / 1e6, toMs: Math.max(startNs, endNs ?? nowMs * 1e6) / 1e6 }, nowMs);
  return range.isBounded || range.isPast ? within(life, whole) : life;
}
