/** The commands that every page has. */

import { pageHref, sessionHref } from "../lib/links";
import { PAGES } from "../lib/pages";
import { prefs } from "../lib/prefs.svelte";
import { range } from "../lib/range.svelte";
import { router } from "../lib/router.svelte";
import { sessions } from "../lib/session.svelte";
import { copy, toast } from "../lib/toast.svelte";
import type { Command } from "./registry.svelte";

interface Opens { palette: () => void; help: () => void }

export function frameCommands(opens: Opens): Command[] {
  const known = sessions();
  const session = () => known.wanted ?? known.all[0]?.session ?? "latest";
  const go = (id: string) => router.push(known.wanted === null ? sessionHref(session(), id ? `/${id}` : "") : pageHref(id));
  return [
    { id: "find", title: "search, jump, act", group: "Find", keys: ["Mod+k"], run: opens.palette },
    { id: "filter", title: "filter this page", group: "Find", keys: ["/"], run: focusFilter },
    { id: "help", title: "this help", group: "Find", keys: ["?"], run: opens.help },
    { id: "back", title: "back, or up", group: "View", keys: ["Escape"], run: () => leave() },
    { id: "go.fleet", title: "Fleet", group: "Go to", keys: ["g f"], run: () => router.push(router.href("/")) },
    ...PAGES.map((page): Command => ({ id: `go.${page.id}`, title: page.title, group: "Go to", keys: [`g ${page.key}`], run: () => go(page.id) })),
    { id: "earlier", title: "earlier run of this cluster", group: "View", keys: ["["], run: () => step(-1), when: () => known.wanted !== null },
    { id: "later", title: "later run of this cluster", group: "View", keys: ["]"], run: () => step(1), when: () => known.wanted !== null },
    { id: "theme", title: "theme: light, dark, system", group: "View", run: () => prefs.nextTheme() },
    { id: "fold", title: "fold the sidebar", group: "View", keys: ["\\"], run: () => prefs.fold() },
    { id: "now", title: "back to now", group: "View", run: () => range.set({ at: null }), when: () => range.isPast },
    { id: "link", title: "copy a link to this view", group: "View", keys: ["y"], run: () => void copy(location.href, "link copied") },
  ];
}

function focusFilter(): void {
  document.querySelector<HTMLInputElement>("main [data-filter]")?.focus();
}

/** Escape leaves what has the focus first. */
function leave(): void {
  const focused = document.activeElement;
  if (focused instanceof HTMLElement && focused.matches("input, textarea")) focused.blur();
  else router.back();
}

function step(by: -1 | 1): void {
  const known = sessions();
  const other = known.neighbour(by);
  if (!other) return toast.say(by < 0 ? "no earlier run of this cluster" : "no later run of this cluster");
  const page = router.parts.length === 3 ? `/${router.parts[2]}` : "";
  router.push(`/s/${encodeURIComponent(other.session)}${page}`);
}
