/** The address is the whole state of a view. Going somewhere pushes; adjusting what is seen (filter, sort, zoom, time) replaces. */

export type Query = Record<string, string | number | boolean | readonly string[] | null | undefined>;

/** What every link takes along: the time that is looked at. */
const GLOBAL = ["at", "since", "until"] as const;

class Router {
  path = $state(location.pathname);
  search = $state(location.search);
  /** Grows with each navigation that is not an adjustment. */
  visits = $state(0);

  params = $derived(new URLSearchParams(this.search));
  parts = $derived(this.path.split("/").filter(Boolean).map(decode));

  constructor() {
    addEventListener("popstate", () => this.#read());
    document.addEventListener("click", (event) => this.#clicked(event));
  }

  get(name: string): string | null {
    return this.params.get(name);
  }

  all(name: string): string[] {
    return this.params.getAll(name);
  }

  /** Somewhere else: back returns here. */
  push(url: string): void {
    if (url === location.pathname + location.search) return;
    history.pushState({ depth: this.depth + 1 }, "", url);
    this.#read();
    scrollTo(0, 0);
  }

  /** The same view, seen otherwise. A null or empty value takes the name out. */
  adjust(changes: Query): void {
    const params = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(changes)) set(params, name, value);
    const url = location.pathname + text(params);
    if (url === location.pathname + location.search) return;
    history.replaceState(history.state, "", url);
    this.path = location.pathname;
    this.search = location.search;
  }

  replace(url: string): void {
    history.replaceState(history.state, "", url);
    this.#read();
  }

  get depth(): number {
    return (history.state as { depth?: number } | null)?.depth ?? 0;
  }

  /** Back; where nothing of this page lies behind, up. */
  back(): void {
    if (this.depth > 0) history.back();
    else if (this.parts.length > 0) this.push(this.href(up(this.parts)));
  }

  /** An address with the looked-at time of this one. */
  href(path: string, query: Query = {}): string {
    const params = new URLSearchParams();
    for (const name of GLOBAL) set(params, name, this.params.get(name));
    for (const [name, value] of Object.entries(query)) set(params, name, value);
    return path + text(params);
  }

  #read(): void {
    this.path = location.pathname;
    this.search = location.search;
    this.visits++;
  }

  #clicked(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (!/^\/(s\/|$)/.test(link.pathname)) return;
    if (link.hash && link.pathname === location.pathname && link.search === location.search) return;
    event.preventDefault();
    if (link.dataset.adjust !== undefined) this.replace(link.pathname + link.search);
    else this.push(link.pathname + link.search);
  }
}

function set(params: URLSearchParams, name: string, value: Query[string]): void {
  params.delete(name);
  if (Array.isArray(value)) for (const one of value) params.append(name, one);
  else if (value !== null && value !== undefined && value !== "" && value !== false) params.set(name, value === true ? "1" : String(value));
}

const text = (params: URLSearchParams): string => (params.size ? `?${params}` : "");

/** `/s/x/tasks/y` → `/s/x/tasks` → `/s/x` → `/`. */
function up(parts: string[]): string {
  if (parts.length <= 2) return "/";
  return `/${parts.slice(0, -1).map(encodeURIComponent).join("/")}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const router = new Router();
