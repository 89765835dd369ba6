// The first page: the sessions, and one session with its jobs, tasks, actors and nodes by state. The address is the whole
// state of a view; everything shown comes from /api/v1 and is put in as text.

const POLL_MS = 2000;
const SKELETON_MS = 300;
const ID_SHOWN = 12;
const SESSIONS_SHOWN = 200;
const FAILURES_SHOWN = 10;

const $ = (id) => document.getElementById(id);

// Building and patching the document

const SVG_TAGS = new Set(["svg", "path", "rect", "title"]);

function h(tag, attributes = {}, ...children) {
  const element = SVG_TAGS.has(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value != null) element.setAttribute(name, value);
  element.append(...children.flat(9).filter((child) => child != null && child !== false));
  return element;
}

const keyOf = (node) => node.dataset?.key || node.id;

/** Make `old` like `fresh` in place, so that focus, selection and scroll positions stay. */
function patch(old, fresh) {
  if (old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
  if (!old.attributes) return void (old.data === fresh.data || (old.data = fresh.data));
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  patchChildren(old, [...fresh.childNodes]);
}

function patchChildren(old, fresh) {
  const wanted = new Set(fresh.map(keyOf));
  for (const child of [...old.children]) if (!wanted.has(keyOf(child))) child.remove();
  const keyed = new Map([...old.children].map((child) => [keyOf(child), child]));
  let at = old.firstChild;
  for (const child of fresh) {
    const match = keyOf(child) ? keyed.get(keyOf(child)) : at && !keyOf(at) ? at : null;
    if (match && match === at) at = at.nextSibling;
    else old.insertBefore(match ?? child, at);
    if (match) patch(match, child);
  }
  while (at) [at] = [at.nextSibling, at.remove()];
}

const fill = (id, ...parts) => patchChildren($(id), [...h("div", {}, parts).childNodes]);

// States

// of each mark: what is filled, and what is cut out of it or drawn
const RING = "M7 1.5a5.5 5.5 0 1 1-.01 0z";
const SHAPES = {
  finished: ["M7 .5a6.5 6.5 0 1 1-.01 0z", "M4 7.3l2.1 2.1L10 5", "cut"],
  failed: ["M1 1h12v12H1z", "M4.5 4.5l5 5m0-5l-5 5", "cut"],
  running: ["M5.5 4.3v5.4L9.8 7z", RING, "line"],
  waiting: ["M7 2.5a4.5 4.5 0 0 1 0 9z", RING, "line"],
  lost: ["M7 0l7 7-7 7-7-7z", "M5.6 5.3a1.5 1.5 0 1 1 2 1.6c-.5.2-.6.5-.6 1m0 2.1v.1", "cut"],
  retried: ["", "M11.8 7.5A4.8 4.8 0 1 1 10 3.6M10.4 1v2.9H7.5", "line"],
  ended: ["", RING, "line"],
  partial: ["", "M7 1.5l6 11H1zm0 4v3m0 2v.1", "line"],
  copy: ["", "M5 5h7v7H5zM9 5V2H2v7h3", "line"],
};
const KINDS = {
  FINISHED: "finished", SUCCEEDED: "finished", FAILED: "failed", LOST: "lost", NIL: "lost", LIVE: "running", ALIVE: "running",
  ENDED: "ended", DEAD: "ended", STOPPED: "ended", RESTARTING: "retried",
};
const ORDER = ["finished", "failed", "running", "waiting", "retried", "lost", "ended"];

const kindOf = (state) => KINDS[state] ?? (state.startsWith("RUNNING") ? "running" : "waiting");

function mark(kind, word = kind) {
  const [filled, drawn, name] = SHAPES[kind], moving = word === "LIVE" || word === "RUNNING" ? "moving" : "";
  return h("svg", { class: `mark ${moving}`, viewBox: "0 0 14 14", role: "img", "aria-label": word },
    h("title", {}, word), h("path", { d: filled }), h("path", { d: drawn, class: name }));
}

const marked = (kind, text, word) => h("span", { class: kind }, mark(kind, word), text);
const stateWord = (state, kind = kindOf(state)) => marked(kind, state, state);

/** [state, count] pairs as [kind, count], in the order of the bars. */
function byKind(states) {
  const sums = {};
  for (const [state, n] of states) sums[kindOf(state)] = (sums[kindOf(state)] ?? 0) + n;
  return ORDER.filter((kind) => sums[kind]).map((kind) => [kind, sums[kind]]);
}

// Numbers and times

const count = (n) => n?.toLocaleString("en-US") ?? "unknown";
const some = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
const sum = (numbers) => numbers.reduce((all, n) => all + n, 0);
const ms = (ns) => ns / 1e6;

function duration(ns) {
  if (!ns) return "0 s";
  for (const [unit, size, end] of [["µs", 1e3, 999.5], ["ms", 1e6, 999.5], ["s", 1e9, 59.5]]) {
    const n = ns / size;
    if (n < end) return `${n < 9.95 && n % 1 ? n.toFixed(1) : Math.round(n)} ${unit}`;
  }
  const s = Math.round(ns / 1e9), [big, size, small, part] = s < 3600 ? ["m", 60, "s", 1] : s < 86400 ? ["h", 3600, "m", 60] : ["d", 86400, "h", 3600];
  return `${Math.floor(s / size)} ${big} ${String(Math.floor((s % size) / part)).padStart(2, "0")} ${small}`;
}

function bytes(n) {
  const power = n < 1024 ? 0 : Math.floor(Math.log2(n) / 10);
  return `${Number((n / 1024 ** power).toPrecision(3))} ${["B", "KiB", "MiB", "GiB", "TiB"][power]}`;
}

const iso = (time) => new Date(time).toISOString();
const utc = (ns) => `${iso(ms(ns)).slice(0, 19).replace("T", " ")}.${String(Math.floor(ns / 1e3) % 1e6).padStart(6, "0")} UTC`;
const since = (time) => duration(Math.max(0, Math.floor((Date.now() - time) / 1000)) * 1e9);
const ago = (time) => `${since(time).split(" ", 2).join(" ")} ago`;
const when = (ns) => (ns == null ? null : h("time", { "data-ago": ms(ns), title: utc(ns) }, ago(ms(ns))));
const exactly = (ns) => (ns == null ? null : h("span", { title: `${ms(ns)} ms` }, duration(ns)));

function lasted(start, end) {
  if (start == null) return null;
  return end == null ? h("time", { "data-since": ms(start) }, since(ms(start))) : exactly(end - start);
}

function age() {
  for (const { dataset, firstChild } of document.querySelectorAll("time")) firstChild.data = dataset.ago ? ago(dataset.ago) : since(dataset.since);
}

// Asking the server

class Refused extends Error {}

const api = (what, parameters) => `/api/v1/${what}?${new URLSearchParams(parameters)}`;

async function ask(signal, what, parameters) {
  const response = await fetch(api(what, parameters), { signal });
  if (response.ok) return response.json();
  const problem = await response.json().catch(() => ({ message: `the server answers ${response.status}` }));
  throw new Refused([problem.message, problem.hint].filter(Boolean).join(" · "));
}

// Pieces

const sessionUrl = (session) => `/s/${encodeURIComponent(session)}`;
const quoted = (text) => (/^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
const copyButton = (text) => h("button", { class: "copy", "data-copy": text, title: `copy ${text}` }, mark("copy", ""));
const nameLink = (href, name) => h("a", { class: "id", href, title: name }, name || "unnamed");
const dim = (...children) => h("p", { class: "dim" }, children);
const red = (text, isBad) => h("span", { class: isBad ? "failed" : null }, text);

function idLink(what, id, session) {
  const link = nameLink(api(`${what}/${encodeURIComponent(id)}`, { session }), id);
  if (id.length > ID_SHOWN + 4) link.textContent = `${id.slice(0, ID_SHOWN)}…`;
  return [link, copyButton(id)];
}

function head(terminal, json, ...start) {
  const end = [h("code", { title: `the same in a terminal: ${terminal}` }, terminal), copyButton(terminal), h("a", { href: json }, "json")];
  return h("div", { class: "head" }, start, h("div", { class: "end" }, end));
}

/** A table under its title, or what would be in it. `[id, title, count]`, then the same as a command and as JSON. */
function section([id, title, n], [session, terminal, what, parameters], columns, rows, empty) {
  const json = api(what, { session, ...parameters }), start = [h("h2", {}, title), h("span", { class: "dim" }, n)];
  return h("section", { id }, head(`rayscope ${terminal} --session ${quoted(session)}`, json, start), rows.length ? table(id, columns, rows) : dim(empty));
}

/** Columns are "name" or "name.class", by comma; a row is its key and its cells. The first link of a row is where j and k stop. */
function table(label, columns, rows) {
  const [names, classes] = [0, 1].map((part) => columns.split(",").map((column) => column.split(".")[part]));
  const heads = names.map((name, i) => h("th", { scope: "col", class: classes[i] }, name));
  const shown = (content) => (typeof content === "number" ? count(content) : content ?? "–");
  const cell = (content, i) => h("td", { class: classes[i], title: classes[i] === "wide" ? content : null }, shown(content));
  const lines = rows.map(([key, ...cells]) => h("tr", { "data-key": key }, cells.map(cell)));
  return h("div", { class: "scroll" }, h("table", { "aria-label": label }, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, lines)));
}

/** Shares of 100 %, each at least wide enough to be seen. */
function bar(parts) {
  const total = sum(parts.map(([, n]) => n)), shares = parts.map(([, n]) => Math.max(n / total, 0.012)), scale = 100 / sum(shares);
  const percent = (share) => `${(share * scale).toFixed(2)}%`, words = parts.map(([kind, n]) => `${count(n)} ${kind}`).join(", ");
  const rects = parts.map(([kind], i) => h("rect", { class: kind, x: percent(sum(shares.slice(0, i))), width: percent(shares[i]), height: "100%" }));
  return h("svg", { class: "bar", role: "img", "aria-label": words }, h("title", {}, words), rects);
}

// The sessions

const SESSION_COLUMNS = "state,session,cluster,command.wide,started,duration.num,nodes.num,jobs.num,actors.num,tasks.num,failed.num";
let shownSessions = null;

/** Those to show: new sessions wait behind a button while someone reads or points at the list. */
function settled(rows) {
  const busy = scrollY > 0 || document.querySelector("#sessions tbody:is(:hover, :focus-within)");
  if (!busy || !shownSessions) shownSessions = new Set(rows.map((row) => row.session));
  return rows.filter((row) => shownSessions.has(row.session));
}

const sessionsView = {
  load: (signal) => ask(signal, "sessions", { detail: true, limit: SESSIONS_SHOWN }),
  isLive: () => true,
  title: () => "Sessions",
  render({ rows, total }) {
    if (!total) return lesson();
    const shown = settled(rows), more = rows.length - shown.length;
    const start = [h("h1", {}, "Sessions"), sessionsAnswer(rows, total), more > 0 && h("button", { id: "new" }, `${more} new`)];
    const top = head("rayscope list sessions", api("sessions", { detail: true }), start);
    return h("section", { id: "sessions" }, top, table("sessions", SESSION_COLUMNS, shown.map(sessionRow)));
  },
};

function sessionsAnswer(rows, total) {
  const live = rows.filter((row) => row.state === "LIVE").length, failing = rows.filter((row) => row.failed_tasks).length;
  const parts = [live && `${live} live`, live < rows.length && `${rows.length - live} ended`, failing && `${failing} with failed tasks`];
  return h("span", {}, `${rows.length < total ? `the newest ${rows.length} of ` : ""}${some(total, "session")}: ${parts.filter(Boolean).join(", ")}`);
}

function sessionRow(row) {
  const named = [nameLink(sessionUrl(row.session), row.session), copyButton(row.session)], failed = row.failed_tasks;
  return [row.session, stateWord(row.state), named, row.cluster, row.command, when(row.started_ns), lasted(row.started_ns, row.ended_ns), row.nodes, row.jobs,
    row.actors, row.tasks, failed ? marked("failed", count(failed)) : failed];
}

function lesson() {
  const way = (what, line) => [h("dt", {}, what), h("dd", {}, h("code", {}, line), copyButton(line))];
  return h("div", { class: "lesson" }, h("h1", {}, "Nothing is recorded yet"),
    dim("Each Ray cluster that is recorded becomes a session here, with its jobs, actors and tasks. It stays when the cluster is gone."),
    h("dl", {}, way("Record a program of yours", "uv run rayscope run script.py"), way("See an example of half a minute", "uv run rayscope demo")));
}

// One session

const FAILED = { filter: "state in FAILED,LOST", detail: true };

const sessionView = {
  async load(signal) {
    const [row] = (await ask(signal, `sessions/${encodeURIComponent(route.session)}`)).rows, session = row.session, detail = true;
    const [jobs, nodes, tasks, actors, failures] = await Promise.all([
      ask(signal, "jobs", { session, detail }), ask(signal, "nodes", { session, detail }), ask(signal, "tasks/summary", { session }),
      ask(signal, "actors/summary", { session }), ask(signal, "tasks", { session, ...FAILED, sort: "-end_ns", limit: FAILURES_SHOWN })]);
    return { row, session, jobs, nodes, tasks, actors, failures };
  },
  isLive: ({ row }) => row.state === "LIVE",
  title: (data) => `${data.row.state} ${data.session}`,
  render: (data) => [sessionHead(data), jobsSection(data), tasksSection(data), failuresSection(data), actorsSection(data), nodesSection(data)],
};

const joined = (parts, by) => parts.filter(Boolean).flatMap((part, i) => [i > 0 && by, part]);

function sessionHead(data) {
  const { row, jobs } = data, failed = jobs.rows.filter((job) => job.status === "FAILED").length;
  const lived = [stateWord(row.state), row.state === "LIVE" ? " for " : " after ", lasted(row.started_ns, row.ended_ns) ?? "unknown time"];
  const exit = row.exit_code != null && red(`exit code ${row.exit_code}`, row.exit_code);
  const answer = joined([lived, exit, failed > 0 && h("a", { class: "failed", href: "#jobs" }, `${some(failed, "job")} failed`), tasksAnswer(data)], " · ");
  return h("div", { id: "head" }, h("h1", {}, answer), facts(row), warnings(data));
}

function tasksAnswer({ tasks: { groups, retries } }) {
  const parts = byKind(groups.flatMap((group) => Object.entries(group.state_counts))), total = sum(parts.map(([, n]) => n));
  const words = parts.map(([kind, n]) => (kind === "failed" ? h("a", { class: kind, href: "#failures" }, `${count(n)} failed`) : `${count(n)} ${kind}`));
  return total ? [`${some(total, "task")}: `, joined([...words, retries && some(retries, "retry", "retries")], ", ")] : "no tasks";
}

function facts(row) {
  const ray = row.ray_version && `Ray ${row.ray_version}`;
  const events = [some(row.events, "event"), `undrained ${count(row.undrained)}`, `dropped ${count(row.dropped)}`];
  return dim(joined([row.state_reason, row.cluster, ray, row.command, ...events], " · "));
}

function warnings({ row, session, jobs, tasks, actors, nodes }) {
  const lost = sum(tasks.groups.map((group) => group.state_counts.LOST ?? 0));
  const why = (what, parameters) => h("a", { href: api(what, { session, ...parameters }) }, "see why");
  const said = [
    row.undrained && `${some(row.undrained, "event")} lost with the cluster: Ray still held them. Counts are too low.`,
    row.dropped && `${some(row.dropped, "event")} dropped by Ray's own buffers. Counts are too low.`,
    row.quarantined && [`${some(row.quarantined, "event")} could not be read: `, why("quarantine")],
    lost && [`${some(lost, "task")} without a known end: `, why("tasks", { filter: "state=LOST", detail: true })],
    ...[jobs, tasks, actors, nodes].flatMap((answer) => answer.warnings),
  ];
  return said.filter(Boolean).map((text) => h("p", {}, marked("partial"), text));
}

function jobsSection({ session, jobs }) {
  const rows = jobs.rows.map((job) => {
    const id = job.job_id ?? job.submission_id, code = job.driver_exit_code, kind = job.status === "FINISHED" ? "ended" : kindOf(job.status);
    const message = [job.error_type, job.message].filter(Boolean).join(": ") || null;
    return [id, stateWord(job.status, kind), idLink("jobs", id, session), job.entrypoint, code == null ? code : red(code, code), when(job.start_ns),
      lasted(job.start_ns, job.end_ns), message];
  });
  return section(["jobs", "Jobs", count(jobs.total)], [session, "list jobs --detail", "jobs", { detail: true }],
    "status,job,entrypoint.wide,exit code.num,started,duration.num,message.wide", rows, "No driver has connected: a program's ray.init() makes a job.");
}

function group(session, what, column, name, states, marks) {
  const href = api(what, { session, filter: `${column}=${name || "null"}`, detail: true });
  return [nameLink(href, name), bar(byKind(states)), h("span", { class: "counts" }, marks), sum(states.map(([, n]) => n))];
}

function tasksSection({ session, tasks }) {
  const rows = tasks.groups.map(({ type, name, state_counts, retries, p50_ns, p99_ns }) => {
    const states = Object.entries(state_counts), marks = byKind(states).map(([kind, n]) => marked(kind, count(n)));
    if (retries) marks.push(marked("retried", count(retries), "retries"));
    return [type + name, ...group(session, "tasks", "name", name, states, marks), exactly(p50_ns), exactly(p99_ns)];
  });
  return section(["tasks", "Tasks by function"], [session, "summary tasks", "tasks/summary"], "function,by state.bars,,tasks.num,p50.num,p99.num",
    rows, "No task yet: each call of an @ray.remote function is counted here.");
}

function failuresSection({ session, failures: { rows, num_filtered: total } }) {
  const gist = (row) => (row.error_message ?? row.state_reason)?.trim().split("\n").at(-1);
  const lines = rows.map((row) => [row.task_id + row.attempt_number, stateWord(row.state), row.name, row.attempt_number, idLink("tasks", row.task_id, session),
    row.error_type, when(row.end_ns), gist(row)]);
  return section(["failures", "Failed attempts", rows.length < total ? `the newest ${rows.length} of ${count(total)}` : total],
    [session, `list tasks -f '${FAILED.filter}'`, "tasks", FAILED], "state,name,attempt.num,task,error,ended,message.wide", lines, "No attempt failed.");
}

function actorsSection({ session, actors }) {
  const rows = actors.groups.map(({ class_name: name, state_counts, restarts }) => {
    const states = Object.entries(state_counts), marks = states.map(([state, n]) => marked(kindOf(state), `${count(n)} ${state}`, state));
    return [name, ...group(session, "actors", "class_name", name, states, marks), restarts];
  });
  return section(["actors", "Actors by class"], [session, "summary actors", "actors/summary"], "class,by state.bars,,actors.num,restarts.num",
    rows, "No actor yet: each instance of an @ray.remote class is counted here.");
}

function resources(total) {
  const own = Object.entries(total ?? {}).filter(([name]) => !name.startsWith("node:"));
  return own.map(([name, n]) => `${name} ${name.includes("memory") ? bytes(n) : n}`).join(" · ") || null;
}

function nodesSection({ session, nodes }) {
  const rows = nodes.rows.map((node) => [node.node_id, stateWord(node.state), idLink("nodes", node.node_id, session), node.node_ip, node.hostname,
    node.is_head_node ? "head" : "worker", resources(node.resources_total), when(node.start_ns), node.state_message]);
  return section(["nodes", "Nodes", count(nodes.total)], [session, "list nodes --detail", "nodes", { detail: true }],
    "state,node,address,host,role,resources,started,message.wide", rows, "No node has reported yet.");
}

// Where we are, and what is known of it

let route, data, dataTime, awaySince, control, timer;
const remembered = new Map(); // by address: what it showed last
const focused = new Map(); // by address: the key of the row that had the focus when it was left

function draw() {
  fill("main", route.view.render(data));
  document.title = `${route.view.title(data)} · Rayscope`;
  restoreFocus();
}

function drawHealth(health) {
  $("health").title = `${bytes(health.free_bytes)} free on disk, up for ${duration(health.uptime_s * 1e9)}`;
  fill("health", health.status === "ok" ? marked("finished", "ok") : marked("failed", "disk full: nothing is recorded"),
    ` · ${some(health.sessions, "session")} · ${some(health.events, "event")} · ${bytes(health.db_bytes)}`);
}

/** What was known stays, and says so. */
function drawError(error) {
  const clock = (time) => `${iso(time).slice(11, 19)} UTC`;
  awaySince ??= Date.now();
  $("health").title = "`rayscope server start` starts it";
  const words = error instanceof Refused ? error.message : `server away since ${clock(awaySince)}`;
  fill("health", marked("failed", words, "error"), data && ` · shown: as known at ${clock(dataTime)}`);
  if (!data) fill("main", h("h1", {}, words), dim("It is asked again every few seconds."));
}

function drawSkeleton() {
  const rows = Array.from({ length: 8 }, (_, i) => [i, ...SESSION_COLUMNS.split(",").fill("")]);
  fill("main", h("div", { class: "skeleton" }, h("div", { class: "head" }, "Reading …"), table("loading", SESSION_COLUMNS, rows)));
}

async function refresh() {
  clearTimeout(timer);
  control?.abort();
  control = new AbortController();
  const { signal } = control, started = performance.now(), skeleton = data ? null : setTimeout(drawSkeleton, SKELETON_MS);
  const [answers, error] = await Promise.all([route.view.load(signal), ask(signal, "health")]).then((all) => [all], (problem) => [null, problem]);
  clearTimeout(skeleton);
  if (signal.aborted) return;
  if (answers) accept(...answers);
  else drawError(error);
  schedule(performance.now() - started);
}

function accept(fresh, health) {
  [data, dataTime, awaySince] = [fresh, Date.now(), null];
  remembered.set(route.address, { data, dataTime });
  draw();
  drawHealth(health);
}

/** A slow server is asked less often, and nobody is asked about what has ended. */
function schedule(tookMs) {
  const again = awaySince || route.view.isLive(data);
  if (again && !document.hidden) timer = setTimeout(refresh, Math.max(POLL_MS, Math.min(tookMs, POLL_MS) * 10));
}

function show(event) {
  const [, folder, name] = location.pathname.split("/"), session = folder === "s" && name ? decodeURIComponent(name) : null;
  route = { session, view: session ? sessionView : sessionsView, address: location.pathname };
  fill("trail", h("a", { href: "/" }, "Sessions"), session && h("span", {}, nameLink(sessionUrl(session), session), copyButton(session)));
  ({ data, dataTime } = remembered.get(route.address) ?? {});
  shownSessions = null;
  if (data) draw();
  if (!event) scrollTo(0, 0);
  refresh();
}

function restoreFocus() {
  const key = focused.get(route.address);
  if (!key || document.activeElement !== document.body) return;
  [...document.querySelectorAll("tr")].find((row) => keyOf(row) === key)?.querySelector("a").focus({ preventScroll: true });
  focused.delete(route.address);
}

// Hands

function go(url) {
  focused.set(route.address, document.activeElement.closest("tr")?.dataset.key);
  document.activeElement.blur();
  history.pushState({ inside: true }, "", url);
  show();
}

function goBack() {
  if (history.state?.inside) history.back();
  else if (route.session) go("/");
}

async function copy(button) {
  const done = await navigator.clipboard?.writeText(button.dataset.copy).then(() => true, () => false);
  $("said").textContent = done ? "copied" : "the browser forbids copying";
  button.classList.toggle("done", done);
  setTimeout(() => button.classList.remove("done"), 1200);
}

function click(event) {
  const button = event.target.closest("button"), link = event.target.closest("a") ?? event.target.closest("#sessions tbody tr")?.querySelector("a");
  if (button) return button.dataset.copy ? copy(button) : button.id === "new" && show();
  const isPlain = !(event.metaKey || event.ctrlKey || event.shiftKey) && getSelection().isCollapsed, url = link?.getAttribute("href");
  if (!isPlain || !/^\/(s\/|$)/.test(url ?? "no")) return;
  event.preventDefault();
  go(url);
}

function step(by) {
  const rows = [...$("main").querySelectorAll("tbody tr:has(a)")], at = rows.indexOf(document.activeElement.closest("tr"));
  rows[at < 0 ? 0 : Math.min(Math.max(at + by, 0), rows.length - 1)]?.querySelector("a").focus({ focusVisible: true });
}

const KEYS = { j: () => step(1), k: () => step(-1), Escape: goBack, "?": () => $("help").showModal() };

function press(event) {
  if (!(event.metaKey || event.ctrlKey || event.altKey || $("help").open)) KEYS[event.key]?.();
}

const NEXT_THEME = { auto: "light", light: "dark", dark: "auto" };

function setTheme(theme) {
  localStorage.setItem("theme", theme);
  document.documentElement.dataset.theme = theme;
  $("theme").textContent = `Theme: ${theme}`;
}

document.addEventListener("click", click);
document.addEventListener("keydown", press);
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
addEventListener("popstate", (event) => location.pathname === route.address || show(event));
$("theme").addEventListener("click", () => setTheme(NEXT_THEME[localStorage.getItem("theme")] ?? "auto"));
$("keys").addEventListener("click", KEYS["?"]);
setTheme(localStorage.getItem("theme") ?? "auto");
setInterval(age, 1000);
show();
