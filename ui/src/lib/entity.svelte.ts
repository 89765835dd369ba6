/** One thing by its id: its rows, asked again while it may change. */

import { apiUrl } from "./api";
import { useAsk, type Asked } from "./ask.svelte";
import { range } from "./range.svelte";
import { router } from "./router.svelte";
import { sessions } from "./session.svelte";
import type { Found } from "./types";

export interface Entity { id: string; asked: Asked<Found> }

export function useEntity(resource: string): { readonly id: string; readonly asked: Asked<Found>; readonly tab: string } {
  const known = sessions();
  const id = $derived(router.parts[3] ?? "");
  const asked = useAsk<Found>(() => (id && known.name ? apiUrl(`${resource}/${encodeURIComponent(id)}`, { session: known.name, at: range.at }) : null), { session: () => known.name, live: () => !range.isPast });
  return {
    get id() { return id; },
    get asked() { return asked; },
    get tab() { return router.get("tab") ?? ""; },
  };
}
