/** The sessions that the server knows, and the one that is looked at. */

import { useAsk } from "./ask.svelte";
import { apiUrl } from "./api";
import { router } from "./router.svelte";
import type { Page, Session } from "./types";

const SESSIONS_KNOWN = 500; // index.html asks for them ahead

class Sessions {
  #asked = useAsk<Page>(() => apiUrl("sessions", { detail: true, limit: SESSIONS_KNOWN }));

  get asked() { return this.#asked; }

  all = $derived((this.#asked.data?.rows ?? []) as unknown as Session[]);
  total = $derived(this.#asked.data?.total ?? 0);

  /** As it stands in the address: a name, a prefix, or `latest`. Null on the fleet's page. */
  wanted = $derived(router.parts[0] === "s" ? (router.parts[1] ?? null) : null);

  current = $derived(this.wanted === null ? null : find(this.all, this.wanted));
  /** What the server is asked with: the whole name where it is known, so that `latest` stays what it was when the page came. */
  name = $derived(this.current?.session ?? this.wanted ?? "");
  isLive = $derived(this.current?.state === "LIVE");

  /** The run before or after this one of the same cluster. */
  neighbour(step: -1 | 1): Session | null {
    const same = this.all.filter((other) => other.cluster === this.current?.cluster);
    const at = same.findIndex((other) => other.session === this.current?.session);
    return at < 0 ? null : (same[at - step] ?? null);
  }
}

function find(all: readonly Session[], wanted: string): Session | null {
  if (wanted === "latest") return all[0] ?? null;
  const exact = all.find((one) => one.session === wanted);
  if (exact) return exact;
  const begins = all.filter((one) => one.session.startsWith(wanted));
  return begins.length === 1 ? (begins[0] ?? null) : null;
}

let made: Sessions | null = null;
/** Made inside the root component, where effects may live. */
export const makeSessions = (): Sessions => (made ??= new Sessions());
export const sessions = (): Sessions => {
  if (!made) throw new Error("sessions before the page");
  return made;
};
