/** Which metrics a session has: asked when a page needs it, and again now and then while the session lives. */

import { apiUrl } from "../lib/api";
import { useAsk } from "../lib/ask.svelte";
import { wall } from "../lib/clock.svelte";
import { range } from "../lib/range.svelte";
import { sessions } from "../lib/session.svelte";
import type { Metric } from "./build";

export interface Budget { limit: number; series: number; dropped_series: number; dropped_samples: number; offenders: { name: string; series: number }[]; rejected: Record<string, number> }
interface Answer { metrics: Metric[]; budget: Budget | null }

const EVERY_NS = 30e9;

export function useCatalogue() {
  const known = sessions();
  const asked = useAsk<Answer>(() => (known.name ? apiUrl("metrics", { session: known.name }) : null), { live: () => false });
  const turn = $derived(known.isLive && !range.isPast ? Math.floor(wall.nowNs / EVERY_NS) : 0);
  let first = true;
  $effect(() => {
    void turn;
    if (!first) asked.again();
    first = false;
  });
  const answer = $derived(asked.data);
  const metrics = $derived(answer?.metrics ?? []);
  const byName = $derived(new Map(metrics.map((one) => [one.name, one])));
  const stored = $derived(new Set(metrics.map((one) => one.name)));
  return {
    get asked() { return asked; },
    get isKnown() { return answer !== null; },
    get metrics() { return metrics; },
    get byName() { return byName; },
    get stored(): ReadonlySet<string> { return stored; },
    get budget() { return answer?.budget ?? null; },
  };
}
export type Catalogue = ReturnType<typeof useCatalogue>;
