/** News from the server, by server-sent events: what changed since. Views ask anew for what they show; nothing is pushed into them. */

import { listeners } from "./api";

const AT_MOST_EVERY_MS = 1000;
const RETRY_MS = 2000;

export type Link = "connecting" | "open" | "away";

class Live {
  link = $state<Link>("connecting");
  awaySinceNs = $state<number | null>(null);
  #ticks = $state(0);
  #source: EventSource | null = null;
  #session: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #lastMs = 0;

  constructor() {
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#close() : this.#open()));
    listeners.add((isThere) => {
      if (isThere && this.link === "away") this.#reopen();
      else if (!isThere) this.#gone();
    });
  }

  /** Grows with news. Read in an effect, it makes the effect run again. The session is the one that is watched. */
  ticks(_session: string | null): number {
    return this.#ticks;
  }

  /** Listen to one session, to all (`all`), or to none (null: the past does not change). */
  watch(session: string | null): void {
    if (session === this.#session && this.#source) return;
    this.#session = session;
    this.#close();
    if (!document.hidden) this.#open();
  }

  #open(): void {
    if (this.#session === null || this.#source) return;
    const source = new EventSource(`/api/v1/live?session=${encodeURIComponent(this.#session)}`);
    this.#source = source;
    source.addEventListener("hello", () => this.#came());
    source.addEventListener("change", () => this.#news());
    source.addEventListener("ping", () => this.#came());
    source.addEventListener("error", () => this.#broken(source));
  }

  #close(): void {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = null;
  }

  #came(): void {
    const wasAway = this.link === "away";
    this.link = "open";
    this.awaySinceNs = null;
    if (wasAway) this.#news();
  }

  /** At most one tick a second, the last one never dropped. */
  #news(): void {
    this.link = "open";
    this.awaySinceNs = null;
    const waitMs = this.#lastMs + AT_MOST_EVERY_MS - Date.now();
    clearTimeout(this.#timer);
    if (waitMs > 0) this.#timer = setTimeout(() => this.#tick(), waitMs);
    else this.#tick();
  }

  #tick(): void {
    this.#lastMs = Date.now();
    this.#ticks++;
  }

  #gone(): void {
    if (this.link === "away") return;
    this.link = "away";
    this.awaySinceNs = Date.now() * 1e6;
    this.#later();
  }

  /** The stream broke: ask a question that needs no token to know whether the server went, or only the stream. */
  #broken(source: EventSource): void {
    if (source !== this.#source) return;
    this.#close();
    this.#later();
  }

  #later(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#probe(), RETRY_MS);
  }

  async #probe(): Promise<void> {
    if (document.hidden) return;
    try {
      await fetch("/api/v1/health");
      this.#reopen();
    } catch {
      this.#gone();
      this.#later();
    }
  }

  #reopen(): void {
    const wasAway = this.link === "away";
    this.link = "open";
    this.awaySinceNs = null;
    this.#close();
    this.#open();
    if (wasAway) this.#news();
  }
}

export const live = new Live();
