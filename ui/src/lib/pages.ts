/** The pages of a session: their order in the sidebar, their key after `g`, and what is loaded for them. */

import type { Component } from "svelte";
import Actors from "../pages/Actors.svelte";
import Events from "../pages/Events.svelte";
import Jobs from "../pages/Jobs.svelte";
import Nodes from "../pages/Nodes.svelte";
import PlacementGroups from "../pages/PlacementGroups.svelte";
import Tasks from "../pages/Tasks.svelte";
import Workers from "../pages/Workers.svelte";
import { isAsking } from "./api";

export interface PageEntry { id: string; title: string; mark: string; key: string; count?: string; load: () => Promise<{ default: Component }> }

/** Pages of a table are a few lines each about one and the same table: they come with the document's own script, so that none waits for another. */
const here = (page: Component) => () => Promise.resolve({ default: page });

export const PAGES: readonly PageEntry[] = [
  { id: "", title: "Overview", mark: "overview", key: "o", load: () => import("../pages/Overview.svelte") },
  { id: "jobs", title: "Jobs", mark: "jobs", key: "j", count: "jobs", load: here(Jobs) },
  { id: "tasks", title: "Tasks", mark: "tasks", key: "t", count: "tasks", load: here(Tasks) },
  { id: "actors", title: "Actors", mark: "actors", key: "a", count: "actors", load: here(Actors) },
  { id: "nodes", title: "Nodes", mark: "nodes", key: "n", count: "nodes", load: here(Nodes) },
  { id: "workers", title: "Workers", mark: "workers", key: "w", load: here(Workers) },
  { id: "placement-groups", title: "Placement groups", mark: "groups", key: "p", load: here(PlacementGroups) },
  { id: "timeline", title: "Timeline", mark: "timeline", key: "i", load: () => import("../pages/Timeline.svelte") },
  { id: "metrics", title: "Metrics", mark: "metrics", key: "m", load: () => import("../pages/Metrics.svelte") },
  { id: "graph", title: "Call graph", mark: "graph", key: "c", load: () => import("../pages/CallGraph.svelte") },
  { id: "logs", title: "Logs", mark: "logs", key: "l", load: () => import("../pages/Logs.svelte") },
  { id: "objects", title: "Objects", mark: "objects", key: "b", load: () => import("../pages/Objects.svelte") },
  { id: "events", title: "Events", mark: "events", key: "e", load: here(Events) },
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

const BUSY_MS = 200;

/** Brings the code of all pages, when nothing else is going on and no answer is waited for. */
export function prefetch(): void {
  const idle = window.requestIdleCallback ?? ((run: () => void) => setTimeout(run, 500));
  idle(() => {
    if (isAsking()) setTimeout(prefetch, BUSY_MS);
    else for (const load of [...PAGES.map((page) => page.load), ...Object.values(ENTITIES)]) void load().catch(() => undefined);
  });
}
