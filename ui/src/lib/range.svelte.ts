/** The looked-at time: `since` and `until` bound what is listed and drawn, `at` shows everything as of then. All three live in the address. */

import { router } from "./router.svelte";

class Range {
  at = $derived(router.get("at"));
  since = $derived(router.get("since"));
  until = $derived(router.get("until"));
  isPast = $derived(this.at !== null);
  isBounded = $derived(this.since !== null || this.until !== null);

  /** For questions: `at`, `from`, `to`. */
  get params(): { at: string | null; from: string | null; to: string | null } {
    return { at: this.at, from: this.since, to: this.until };
  }

  set(changes: { at?: string | null; since?: string | null; until?: string | null }): void {
    router.adjust({ ...changes, cursor: null, page: null });
  }

  /** In words, for the button. */
  words = $derived(words(this.since, this.until));
}

function words(since: string | null, until: string | null): string {
  if (!since && !until) return "whole session";
  if (since && !until) return since.startsWith("-") ? `last ${since.slice(1).replace("m", " min").replace("h", " h")}` : `from ${short(since)}`;
  return `${since ? short(since) : "start"} – ${until ? short(until) : "now"}`;
}

/** Nanoseconds as a clock time; other spellings as they are. */
function short(text: string): string {
  return /^\d{18,}$/.test(text) ? new Date(Number(text) / 1e6).toISOString().slice(11, 19) : text.replace("T", " ");
}

export const range = new Range();
