/** Addresses of views. */

import { format, parse } from "./filter";
import { router, type Query } from "./router.svelte";
import { sessions } from "./session.svelte";
import type { ViewLink } from "./types";

export const sessionHref = (session: string, rest = "", query: Query = {}): string => router.href(`/s/${encodeURIComponent(session)}${rest}`, query);

/** A page of the session that is looked at. */
export const pageHref = (page: string, query: Query = {}): string => sessionHref(sessions().wanted ?? "latest", page ? `/${page}` : "", query);

export const entityHref = (page: string, id: string, query: Query = {}, session?: string): string =>
  sessionHref(session ?? sessions().wanted ?? "latest", `/${page}/${encodeURIComponent(id)}`, query);

const SESSION_VIEWS = ["session", "sessions", "overview"];
const PAGES: Record<string, string> = { task: "tasks", job: "jobs", actor: "actors", node: "nodes", worker: "workers", "placement-group": "placement-groups" };

/** The server's `{view, params}` as an address: of one thing where `params` has its id, else a listing. */
export function viewHref(link: ViewLink, session?: string): string {
  const { id, filter, ...rest } = link.params as { id?: string; filter?: string[] | string } & Record<string, unknown>;
  const page = PAGES[link.view] ?? link.view;
  const idOf = id ?? (rest[`${link.view.replaceAll("-", "_")}_id`] as string | undefined);
  const query: Query = {};
  for (const [name, value] of Object.entries(rest)) if (["string", "number"].includes(typeof value) && !name.endsWith("_id") && name !== "session") query[name] = value as string;
  const filters = filter === undefined ? [] : Array.isArray(filter) ? filter : [filter];
  if (filters.length) query.q = filterText(filters);
  const where = (rest.session as string | undefined) ?? session ?? sessions().wanted ?? "latest";
  if (SESSION_VIEWS.includes(link.view)) return sessionHref(id ?? where, "", query);
  return sessionHref(where, idOf ? `/${page}/${encodeURIComponent(idOf)}` : `/${page}`, query);
}

/** Conditions as the server spells them, as the text of a filter. */
export const filterText = (filters: readonly string[]): string =>
  filters.map((filter) => { const term = parse(filter); return term ? format(term) : filter; }).join(" ");
