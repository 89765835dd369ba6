/** What failed and what Ray warned of in a session, on a node, in a job or of an actor: for the marks on charts. */

import { apiUrl } from "../lib/api";
import { useAsk } from "../lib/ask.svelte";
import { format } from "../lib/filter";
import { entityHref, pageHref } from "../lib/links";
import { range } from "../lib/range.svelte";
import { sessions } from "../lib/session.svelte";
import { kindOf } from "../lib/states";
import type { Page } from "../lib/types";
import type { Happening } from "./marks";

const MOST = 300, MOST_EVENTS = 100;

/** `filters`: of tasks; null: no tasks are asked for. `node`: whose events; null: those of all, undefined: none. */
export function useHappenings(filters: () => readonly string[] | null, node: () => string | null | undefined = () => undefined): { readonly all: readonly Happening[] } {
  const known = sessions();
  const fresh = { session: () => known.name, live: () => !range.isPast };
  const tasks = useAsk<Page>(() => {
    const own = filters();
    return own && apiUrl("tasks", { session: known.name, at: range.at, filter: [...own, "state in FAILED,LOST"], columns: "name,task_id,attempt_number,state,error_type,end_ns", sort: "-end_ns", limit: MOST });
  }, fresh);
  const events = useAsk<Page>(() => {
    const of = node();
    return of === undefined ? null : apiUrl("events", { session: known.name, at: range.at, filter: ["severity in WARNING,ERROR,FATAL", ...(of ? [`node_id=${of}`] : [])], columns: "time_ns,severity,event_type,message", sort: "-time_ns", limit: MOST_EVENTS });
  }, fresh);
  const all = $derived([
    ...(tasks.data?.rows ?? []).filter((row) => row.end_ns).map((row): Happening => ({
      ms: Number(row.end_ns) / 1e6, kind: kindOf(String(row.state)), text: `${String(row.name ?? "a task")} ${row.state === "LOST" ? "was lost" : "failed"}${row.error_type ? `: ${String(row.error_type)}` : ""}`,
      href: entityHref("tasks", String(row.task_id), row.attempt_number ? { attempt: String(row.attempt_number) } : {}),
    })),
    ...(events.data?.rows ?? []).map((row): Happening => ({
      ms: Number(row.time_ns) / 1e6, kind: row.severity === "WARNING" ? "waiting" : "failed", text: String(row.message || row.event_type),
      href: pageHref("events", { q: format({ column: "event_type", op: "=", value: String(row.event_type) }) }),
    })),
  ]);
  return { get all() { return all; } };
}
