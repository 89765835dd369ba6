/** A question whose answer is shown: asked again when its address changes or something new came in; the last answer stays until the next is there. */

import { untrack } from "svelte";
import { ask, Away } from "./api";
import { live } from "./live.svelte";

export interface Asked<T> {
  readonly data: T | null;
  readonly error: Error | null;
  /** No answer yet to this address. */
  readonly isLoading: boolean;
  /** Loading for longer than a moment: time for a skeleton. */
  readonly isSlow: boolean;
  /** Loading for so long that one wants to know. */
  readonly isLong: boolean;
  again(): void;
  stop(): void;
}

const SLOW_MS = 300;
const LONG_MS = 2000;
/** An answer that took long is asked again less often: the server spends at most a fifth of its time on one view. */
const REST_TIMES = 4;
const MOST_MS = 2500;

interface Options {
  /** Ask again when the server has news (of this session, if given). Null: never. */
  session?: () => string | null;
  live?: () => boolean;
}

export function useAsk<T>(url: () => string | null, options: Options = {}): Asked<T> {
  let data = $state.raw<T | null>(null);
  let error = $state.raw<Error | null>(null);
  let isLoading = $state(true);
  let isSlow = $state(false);
  let isLong = $state(false);
  let turn = $state(0);
  let shownUrl = "";
  let controller: AbortController | null = null;
  let pending = false;
  let tookMs = 0, doneMs = 0;
  let later: ReturnType<typeof setTimeout> | undefined;

  async function load(wanted: string, isRefresh: boolean): Promise<void> {
    if (isRefresh && pending) return;
    controller?.abort();
    const mine = new AbortController();
    controller = mine;
    pending = true;
    const startMs = performance.now();
    if (!isRefresh) isLoading = true;
    const timers = isRefresh ? [] : [setTimeout(() => (isSlow = true), SLOW_MS), setTimeout(() => (isLong = true), LONG_MS)];
    try {
      const answer = await ask<T>(wanted, mine.signal);
      if (mine.signal.aborted) return;
      data = answer;
      error = null;
      shownUrl = wanted;
    } catch (problem) {
      if (mine.signal.aborted) return;
      error = problem as Error;
      if (!(problem instanceof Away) && shownUrl !== wanted) data = null;
    } finally {
      timers.forEach(clearTimeout);
      if (controller === mine) {
        doneMs = performance.now();
        tookMs = error ? 0 : Math.min(MOST_MS, doneMs - startMs);
        pending = false;
        isLoading = isSlow = isLong = false;
      }
    }
  }

  $effect(() => {
    const wanted = url();
    void turn;
    if (wanted === null) {
      isLoading = false;
      return;
    }
    untrack(() => void load(wanted, false));
    return () => controller?.abort();
  });

  $effect(() => {
    const ticks = live.ticks(options.session?.() ?? null);
    if (ticks > 0) untrack(refresh);
  });
  $effect(() => () => clearTimeout(later));

  function refresh(): void {
    const wanted = url();
    clearTimeout(later);
    if (wanted === null || !(options.live?.() ?? true)) return;
    const restMs = pending ? LONG_MS : doneMs + REST_TIMES * tookMs - performance.now();
    if (restMs > 0) later = setTimeout(refresh, restMs);
    else void load(wanted, true);
  }

  return {
    get data() { return data; },
    get error() { return error; },
    get isLoading() { return isLoading; },
    get isSlow() { return isSlow; },
    get isLong() { return isLong; },
    again: () => untrack(() => { turn++; }), // an effect that asks again does not depend on how often it did
    stop: () => {
      controller?.abort();
      pending = false;
      isLoading = isSlow = isLong = false;
      error ??= new Error("stopped");
    },
  };
}
