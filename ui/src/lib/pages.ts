/** The pages of a session: their order in the sidebar, their key after `g`, and what is loaded for them. */

import type { Component } from "svelte";

export interface PageEntry { id: string; title: string; mark: string; key: string; count?: string; load: () => Promise<{ default: Component }> }

export const PAGES: readonly PageEntry[] = [
  { id: "", title: "Overview", mark: "overview", key: "o", load: () => import("../pages/Overview.svelte") },
  { id: "jobs", title: "Jobs", mark: "jobs", key: "j", count: "jobs", load: () => import("../pages/Jobs.svelte") },
  { id: "tasks", title: "Tasks", mark: "tasks", key: "t", count: "tasks", load: () => import("../pages/Tasks.svelte") },
  { id: "actors", title: "Actors", mark: "actors", key: "a", count: "actors", load: () => import("../pages/Actors.svelte") },
  { id: "nodes", title: "Nodes", mark: "nodes", key: "n", count: "nodes", load: () => import("../pages/Nodes.svelte") },
  { id: "workers", title: "Workers", mark: "workers", key: "w", load: () => import("../pages/Workers.svelte") },
  { id: "placement-groups", title: "Placement groups", mark: "groups", key: "p", load: () => import("../pages/PlacementGroups.svelte") },
  { id: "timeline", title: "Timeline", mark: "timeline", key: "i", load: () => import("../pages/Timeline.svelte") },
  { id: "metrics", title: "Metrics", mark: "metrics", key: "m", load: () => import("../pages/Metrics.svelte") },
  { id: "graph", title: "Call graph", mark: "graph", key: "c", load: () => import("../pages/CallGraph.svelte") },
  { id: "logs", title: "Logs", mark: "logs", key: "l", load: () => import("../pages/Logs.svelte") },
  { id: "objects", title: "Objects", mark: "objects", key: "b", load: () => import("../pages/Objects.svelte") },
  { id: "events", title: "Events", mark: "events", key: "e", load: () => import("../pages/Events.svelte") },
  { id: "sql", title: "SQL", mark: "sql", key: "d", load: () => import("../pages/Sql.svelte") },
];

const ENTITIES: Record<string, () => Promise<{ default: Component }>> = {
  jobs: () => import("../pages/Job.svelte"),
  tasks: () => import("../pages/Task.svelte"),
  actors: () => import("../pages/Actor.svelte"),
  nodes: () => import("../pages/Node.svelte"),
  workers: () => import("../pages/Worker.svelte"),
  "placement-groups": () => import("../pages/PlacementGroup.svelte"),
};

const FLEET = () => import("../pages/Fleet.svelte");
const UNKNOWN = () => import("../pages/Unknown.svelte");

/** What shows the parts of an address. */
export function pageOf(parts: readonly string[]): { key: string; load: () => Promise<{ default: Component }> } {
  if (parts.length === 0) return { key: "fleet", load: FLEET };
  if (parts[0] !== "s") return { key: "unknown", load: UNKNOWN };
  const [, , page = "", id] = parts;
  if (parts.length > 4) return { key: "unknown", load: UNKNOWN };
  const entity = id === undefined ? undefined : ENTITIES[page];
  if (entity) return { key: `${page}/`, load: entity };
  const found = PAGES.find((one) => one.id === page);
  return found && id === undefined ? { key: page, load: found.load } : { key: "unknown", load: UNKNOWN };
}

/** Brings what is likely wanted next, when nothing else is going on. */
export function prefetch(): void {
  const idle = window.requestIdleCallback ?? ((run: () => void) => setTimeout(run, 500));
  const light = ["", "jobs", "tasks", "actors", "nodes"];
  idle(() => {
    for (const page of PAGES) if (light.includes(page.id)) void page.load().catch(() => undefined);
    for (const load of Object.values(ENTITIES)) void load().catch(() => undefined);
  });
}
