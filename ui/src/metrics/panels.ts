/** Which charts a page has, by Ray's names and the agent's. Only what exists is shown: of each panel the first way whose metrics are stored. Pure. */

import { compose, unitOfQuery, usual, type Metric } from "./build";
import type { Unit } from "./unit";

export interface Query {
  expr: string;
  /** The line's name; `{{label}}` stands for a label's value. */
  name: string;
  colour?: string;
  dash?: boolean;
  fill?: boolean;
  /** Left out where it only repeats the line before, which then has this name. */
  alone?: string;
}
export interface Way { needs: readonly string[]; queries: readonly Query[] }
export interface Panel { id: string; title: string; unit: Unit; about: string; most?: number; ways: readonly Way[]; colourBy?: "state" | "label"; hideIfZero?: boolean; /** Shown, not only on hover. */ said?: string }

const RATE = "[$__rate_interval]";
const USED = "var(--running)", OF = "var(--ended)", HOT = "var(--waiting)", SECOND = "var(--lost)";

/** Matchers as PromQL has them, with what a query adds. */
const pick = (scope: string, more = ""): string => {
  const all = [scope, more].filter(Boolean).join(",");
  return all ? `{${all}}` : "";
};
const IDLE = 'mode=~"idle|iowait"';

/** Of several nodes: the middle and the highest; of one node the two are the same, and the second is left out. */
const meanAndMost = (expr: string, names: readonly [string, string] = ["mean of the nodes", "highest node"]): Query[] => [
  { expr: `avg(${expr})`, name: names[0], colour: USED, fill: true },
  { expr: `max(${expr})`, name: names[1], colour: HOT, dash: true, alone: "busy" },
];
const usedOf = (used: string, total: string, names: readonly [string, string] = ["used", "of"]): Query[] => [
  { expr: used, name: names[0], colour: USED, fill: true },
  { expr: total, name: names[1], colour: OF, dash: true },
];
const inAndOut = (first: string, second: string, names: readonly [string, string]): Query[] => [
  { expr: first, name: names[0], colour: USED },
  { expr: second, name: names[1], colour: SECOND },
];

function cpu(s: string): Panel {
  const busy = `100 * (1 - sum by (node) (rate(rayscope_node_cpu_seconds_total${pick(s, IDLE)}${RATE})) / sum by (node) (rate(rayscope_node_cpu_seconds_total${pick(s)}${RATE})))`;
  return { id: "cpu", title: "CPU", unit: "percent", most: 100, about: "How busy the processors are, of all processes of the machine.", ways: [
    { needs: ["ray_node_cpu_utilization"], queries: meanAndMost(`ray_node_cpu_utilization${pick(s)}`) },
    { needs: ["rayscope_node_cpu_seconds_total"], queries: meanAndMost(busy) },
  ] };
}

function memory(s: string): Panel {
  return { id: "memory", title: "Memory", unit: "bytes", about: "Memory in use on the machines, of what they have. Near the top Ray kills workers.", ways: [
    { needs: ["ray_node_mem_used", "ray_node_mem_total"], queries: usedOf(`sum(ray_node_mem_used${pick(s)})`, `sum(ray_node_mem_total${pick(s)})`) },
    { needs: ["rayscope_node_memory_used_bytes", "rayscope_node_memory_total_bytes"], queries: usedOf(`sum(rayscope_node_memory_used_bytes${pick(s)})`, `sum(rayscope_node_memory_total_bytes${pick(s)})`) },
    ] };
}

function gpu(s: string, each: boolean): Panel {
  const of = (expr: string, label: string): Query[] => (each ? [{ expr: `max by (${label}) (${expr})`, name: `GPU {{${label}}}` }] : meanAndMost(expr, ["mean of the GPUs", "highest GPU"]));
  return { id: "gpu", title: "GPU", unit: "percent", most: 100, about: "How busy the GPUs are.", colourBy: "label", ways: [
    { needs: ["rayscope_gpu_utilization_ratio"], queries: of(`100 * rayscope_gpu_utilization_ratio${pick(s)}`, "gpu") },
    { needs: ["ray_node_gpus_utilization"], queries: of(`ray_node_gpus_utilization${pick(s)}`, "GpuIndex") },
  ] };
}

function gpuMemory(s: string): Panel {
  const MIB = " * 1048576";
  return { id: "gpu-memory", title: "GPU memory", unit: "bytes", about: "Memory in use on the GPUs, of what they have.", ways: [
    { needs: ["rayscope_gpu_memory_used_bytes", "rayscope_gpu_memory_total_bytes"], queries: usedOf(`sum(rayscope_gpu_memory_used_bytes${pick(s)})`, `sum(rayscope_gpu_memory_total_bytes${pick(s)})`) },
    { needs: ["ray_node_gram_used", "ray_node_gram_available"], queries: usedOf(`sum(ray_node_gram_used${pick(s)})${MIB}`, `(sum(ray_node_gram_used${pick(s)}) + sum(ray_node_gram_available${pick(s)}))${MIB}`) },
  ] };
}

function objectStore(s: string): Panel {
  return { id: "object-store", title: "Object store", unit: "bytes", about: "Objects by where they are: in shared memory, in files where that was full, spilled to disk, or small ones in workers.", colourBy: "label", ways: [
    { needs: ["ray_object_store_memory"], queries: [{ expr: `sum by (Location) (ray_object_store_memory${pick(s)})`, name: "{{Location}}" }, { expr: `sum(ray_resources${pick(s, 'Name="object_store_memory"')})`, name: "of", colour: OF, dash: true }] },
    { needs: ["ray_object_store_used_memory"], queries: [{ expr: `sum(ray_object_store_used_memory${pick(s)})`, name: "used", colour: USED, fill: true }] },
  ] };
}

function spilling(s: string): Panel {
  return { id: "spilling", title: "Spilling", unit: "bytes", about: "Objects on disk because the object store was full, and what waits to go there.", hideIfZero: true, ways: [
    { needs: ["ray_spill_manager_objects_bytes"], queries: [
      { expr: `sum(ray_object_store_memory${pick(s, 'Location="SPILLED"')})`, name: "spilled", colour: HOT, fill: true },
      { expr: `sum(ray_spill_manager_objects_bytes${pick(s, 'State="PendingSpill"')})`, name: "waiting to be spilled", colour: SECOND, dash: true },
    ] },
  ] };
}

const tasks = (s: string): Panel => ({ id: "tasks", title: "Tasks by state", unit: "number", about: "Tasks that run or wait, as Ray counts them.", colourBy: "state", ways: [
  { needs: ["ray_tasks"], queries: [{ expr: `clamp_min(sum by (State) (ray_tasks${pick(s, 'State!~"FINISHED|FAILED"')}), 0)`, name: "{{State}}" }] },
] });
const actors = (s: string): Panel => ({ id: "actors", title: "Actors by state", unit: "number", about: "Actors as the cluster's control service counts them.", colourBy: "state", ways: [
  { needs: ["ray_actors"], queries: [{ expr: `sum by (State) (ray_actors${pick(s, 'Source="gcs"')})`, name: "{{State}}" }] },
] });
const disk = (s: string): Panel => ({ id: "disk", title: "Disk", unit: "bytes", about: "Room taken on the disk that holds Ray's files.", ways: [
  { needs: ["ray_node_disk_usage", "ray_node_disk_free"], queries: usedOf(`sum(ray_node_disk_usage${pick(s)})`, `sum(ray_node_disk_usage${pick(s)}) + sum(ray_node_disk_free${pick(s)})`) },
  { needs: ["rayscope_node_filesystem_available_bytes", "rayscope_node_filesystem_size_bytes"], queries: usedOf(`sum(rayscope_node_filesystem_size_bytes${pick(s)}) - sum(rayscope_node_filesystem_available_bytes${pick(s)})`, `sum(rayscope_node_filesystem_size_bytes${pick(s)})`) },
] });
const diskSpeed = (s: string): Panel => ({ id: "disk-speed", title: "Disk speed", unit: "bytes/s", about: "What is read from and written to disks.", ways: [
  { needs: ["ray_node_disk_io_read_speed", "ray_node_disk_io_write_speed"], queries: inAndOut(`sum(ray_node_disk_io_read_speed${pick(s)})`, `sum(ray_node_disk_io_write_speed${pick(s)})`, ["read", "written"]) },
  { needs: ["rayscope_node_disk_read_bytes_total", "rayscope_node_disk_written_bytes_total"], queries: inAndOut(`sum(rate(rayscope_node_disk_read_bytes_total${pick(s)}${RATE}))`, `sum(rate(rayscope_node_disk_written_bytes_total${pick(s)}${RATE}))`, ["read", "written"]) },
] });
const network = (s: string): Panel => ({ id: "network", title: "Network", unit: "bytes/s", about: "What comes in and goes out.", ways: [
  { needs: ["ray_node_network_receive_speed", "ray_node_network_send_speed"], queries: inAndOut(`sum(ray_node_network_receive_speed${pick(s)})`, `sum(ray_node_network_send_speed${pick(s)})`, ["in", "out"]) },
  { needs: ["rayscope_node_network_received_bytes_total", "rayscope_node_network_transmitted_bytes_total"], queries: inAndOut(`sum(rate(rayscope_node_network_received_bytes_total${pick(s, 'device!="lo"')}${RATE}))`, `sum(rate(rayscope_node_network_transmitted_bytes_total${pick(s, 'device!="lo"')}${RATE}))`, ["in", "out"]) },
] });

const TOP = 5;
const topCpu = (s: string): Panel => ({ id: "top-cpu", title: "Processes by CPU", unit: "cores", about: `The ${TOP} busiest kinds of process at each time.`, colourBy: "label", ways: [
  { needs: ["rayscope_process_cpu_seconds_total"], queries: [{ expr: `topk(${TOP}, sum by (name) (rate(rayscope_process_cpu_seconds_total${pick(s)}${RATE})))`, name: "{{name}}" }] },
] });
const topMemory = (s: string): Panel => ({ id: "top-memory", title: "Processes by memory", unit: "bytes", about: `The ${TOP} kinds of process that hold the most memory at each time.`, colourBy: "label", ways: [
  { needs: ["rayscope_process_resident_bytes"], queries: [{ expr: `topk(${TOP}, sum by (name) (rayscope_process_resident_bytes${pick(s)}))`, name: "{{name}}" }] },
] });

/** Of the processes with a `worker_id` of these, a line each or all as one. */
export function processPanels(workers: readonly string[], each: boolean): Panel[] {
  const s = oneOf("worker_id", workers);
  const lines = (expr: string, name = "used"): Query[] => [each && workers.length > 1 ? { expr: `sum by (worker_id) (${expr})`, name: "worker {{worker_id}}" } : { expr: `sum(${expr})`, name, colour: USED, fill: true }];
  const memoryLines: Query[] = workers.length > 1 && each ? lines(`rayscope_process_resident_bytes${pick(s)}`) : [
    { expr: `sum(rayscope_process_resident_bytes${pick(s)})`, name: "resident", colour: USED, fill: true },
    { expr: `sum(rayscope_process_unique_bytes${pick(s)})`, name: "its own alone", colour: SECOND, dash: true },
  ];
  const panel = (id: string, title: string, unit: Unit, about: string, need: string, queries: Query[], more: Partial<Panel> = {}): Panel => ({ id, title, unit, about, colourBy: "label", ways: [{ needs: [need], queries }], ...more });
  return [
    panel("process-cpu", "CPU", "cores", "Processor time that the process takes.", "rayscope_process_cpu_seconds_total", lines(`rate(rayscope_process_cpu_seconds_total${pick(s)}${RATE})`)),
    panel("process-memory", "Memory", "bytes", "Resident memory counts shared pages (the object store) too; its own alone does not.", "rayscope_process_resident_bytes", memoryLines),
    panel("process-gpu-memory", "GPU memory", "bytes", "Memory that the process holds on GPUs.", "rayscope_gpu_process_memory_bytes", lines(`rayscope_gpu_process_memory_bytes${pick(s)}`)),
    panel("process-threads", "Threads", "number", "Threads of the process.", "rayscope_process_threads", lines(`rayscope_process_threads${pick(s)}`, "threads")),
    panel("process-files", "Open files", "number", "Files and sockets that the process has open. A steady rise is a leak.", "rayscope_process_open_files", lines(`rayscope_process_open_files${pick(s)}`, "open")),
  ];
}

/** A matcher for any of these values. */
export function oneOf(label: string, values: readonly string[]): string {
  const [only] = values;
  return values.length === 1 && only !== undefined ? `${label}=${JSON.stringify(only)}` : `${label}=~${JSON.stringify(values.map((value) => value.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"))}`;
}

export const sessionPanels = (): Panel[] => [cpu(""), memory(""), gpu("", false), gpuMemory(""), objectStore(""), tasks(""), actors(""), network(""), diskSpeed(""), disk(""), spilling("")];

export function nodePanels(node: string): Panel[] {
  const s = oneOf("node", [node]);
  return [cpu(s), memory(s), gpu(s, true), gpuMemory(s), topCpu(s), topMemory(s), objectStore(s), network(s), diskSpeed(s), disk(s), spilling(s)];
}

/** Of the nodes that a job ran on, and of what Ray counts for it. */
export function jobPanels(job: string, nodes: readonly string[]): Panel[] {
  const s = nodes.length ? oneOf("node", nodes) : "", j = `JobId=${JSON.stringify(job)}`;
  return [cpu(s), memory(s), gpu(s, false), gpuMemory(s), objectStore(s), tasks(j), actors(j), network(s), diskSpeed(s), spilling(s)];
}

/** A metric of the user's own, as its type is best seen, with what it says of itself. */
export function metricPanel(metric: Metric): Panel {
  const build = usual(metric), expr = compose(build);
  const name = build.fn === "quantiles" ? "p{{quantile}}" : build.agg ? build.by.map((label) => `{{${label}}}`).join(" ") || metric.name : "";
  const said = metric.help || "No description was given.";
  return { id: metric.name, title: metric.name, about: `${metric.type}: ${said}`, said, unit: unitOfQuery(expr, new Map([[metric.name, metric]])), colourBy: "label", ways: [{ needs: [metric.name], queries: [{ expr, name }] }] };
}

/** The three that stand under a timeline. */
export const underTimeline = (panels: readonly Panel[]): Panel[] => panels.filter((one) => ["cpu", "memory", "gpu"].includes(one.id));

/** The way of a panel that can be shown with the metrics that are stored. */
export const wayOf = (panel: Panel, stored: ReadonlySet<string>): Way | null => panel.ways.find((way) => way.needs.every((name) => stored.has(name))) ?? null;

const WORDS: Record<string, string> = { MMAP_SHM: "shared memory", MMAP_DISK: "files", SPILLED: "spilled", WORKER_HEAP: "in workers" };
/** A line's name from its labels. */
export const named = (template: string, labels: Record<string, string>): string =>
  template.replace(/\{\{(\w+)\}\}/g, (_, label: string) => { const value = labels[label] ?? ""; return WORDS[value] ?? (/^[0-9a-f]{28,}$/.test(value) ? value.slice(0, 8) : /^0\.\d+$/.test(value) ? String(Number(value) * 100) : value) ?? ""; }) || "value";
