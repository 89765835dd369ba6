/** Queries that are put together by choosing: the text of the query is all there is, and is read back where it has this form. Pure. */

import { rateUnit, unitOf, type Unit } from "./unit";

export type Fn = "value" | "rate" | "increase" | "quantiles" | "p50" | "p90" | "p99" | "mean";
export type Agg = "" | "sum" | "avg" | "max" | "min" | "count";
export type Op = "=" | "!=" | "=~" | "!~";
export interface Where { name: string; op: Op; value: string }
export interface Build { metric: string; where: Where[]; fn: Fn; agg: Agg; by: string[] }

export interface Metric { name: string; type: string; help: string; unit: string; series: number; source: "ray" | "user" | "node" | "external"; labels: string[] }

export const AGGS: readonly Agg[] = ["", "sum", "avg", "max", "min", "count"];
const WINDOW = "[$__rate_interval]";
const QUANTILES = { p50: "0.5", p90: "0.9", p99: "0.99" } as const;
type Q = keyof typeof QUANTILES;

/** What makes sense of a metric, the usual first. */
export function fnsOf(type: string): readonly Fn[] {
  if (type === "counter") return ["rate", "increase", "value"];
  if (type === "histogram") return ["quantiles", "p50", "p90", "p99", "mean", "rate"];
  return ["value", "rate"];
}

/** Labels that say where a series comes from, and not what the program tells apart. */
const ORIGIN = new Set(["session", "node", "instance", "job", "ip", "Version", "SessionName", "NodeAddress", "NodeId", "WorkerId", "Component", "JobId", "Pid", "pid", "le", "IsHeadNode", "RayNodeType", "quantile"]);
export const ownLabels = (labels: readonly string[]): string[] => labels.filter((name) => !ORIGIN.has(name) && !/^(__|otel_|exported_)/.test(name));

/** So many lines are told apart; more are summed. */
const MANY = 40;

/** How a metric is best seen at first: a counter by how fast it grows, a histogram by its quantiles, a gauge as it is. */
export function usual(metric: Metric): Build {
  const fn = fnsOf(metric.type)[0] ?? "value";
  const own = ownLabels(metric.labels);
  if (fn === "quantiles") return { metric: metric.name, where: [], fn, agg: "", by: [] };
  if (fn === "rate") return { metric: metric.name, where: [], fn, agg: "sum", by: own };
  return { metric: metric.name, where: [], fn, agg: metric.series > MANY ? "avg" : "", by: metric.series > MANY ? (own.length ? own : ["node"]) : [] };
}

const selector = (metric: string, where: readonly Where[]): string =>
  `${metric}${where.length ? `{${where.map((one) => `${one.name}${one.op}${JSON.stringify(one.value)}`).join(", ")}}` : ""}`;
const grouped = (agg: Agg, by: readonly string[], inner: string): string => (agg ? `${agg}${by.length ? ` by (${by.join(", ")}) ` : ""}(${inner})` : inner);

function quantile(build: Build, q: string): string {
  return `histogram_quantile(${q}, sum by (${["le", ...build.by].join(", ")}) (rate(${selector(`${build.metric}_bucket`, build.where)}${WINDOW})))`;
}

export function compose(build: Build): string {
  const { metric, where, fn, agg, by } = build;
  if (fn === "quantiles") return Object.values(QUANTILES).map((q) => `label_replace(${quantile(build, q)}, "quantile", "${q}", "", "")`).join("\nor ");
  if (fn in QUANTILES) return quantile(build, QUANTILES[fn as Q]);
  if (fn === "mean") return ["_sum", "_count"].map((part) => grouped("sum", by, `rate(${selector(metric + part, where)}${WINDOW})`)).join(" / ");
  const inner = selector(metric, where);
  return grouped(agg, by, fn === "value" ? inner : `${fn}(${inner}${WINDOW})`);
}

const STRING = '"(?:[^"\\\\]|\\\\.)*"';
const SELECTOR = new RegExp(`^([a-zA-Z_:][\\w:]*)(?:\\{((?:\\s*\\w+\\s*(?:=~|!~|!=|=)\\s*${STRING}\\s*,?)*)\\})?(\\[[^\\]]*\\])?`);
const MATCHER = new RegExp(`(\\w+)\\s*(=~|!~|!=|=)\\s*(${STRING})`, "g");

function readSelector(text: string): { metric: string; where: Where[] } | null {
  const found = SELECTOR.exec(text);
  if (!found?.[1]) return null;
  try {
    const where = [...(found[2] ?? "").matchAll(MATCHER)].map((one) => ({ name: one[1] ?? "", op: one[2] as Op, value: JSON.parse(one[3] ?? '""') as string }));
    return { metric: found[1], where };
  } catch { return null; }
}

const split = (list: string | undefined): string[] => (list ?? "").split(",").map((one) => one.trim()).filter(Boolean);

/** The choices behind a text, where it is one that choosing makes. Null: it was written. */
export function read(text: string): Build | null {
  const found = guess(text.trim());
  return found && flat(compose(found)) === flat(text) ? found : null;
}
const flat = (text: string): string => text.replace(/\s+/g, " ").trim();

function guess(text: string): Build | null {
  const q = /^(label_replace\()?histogram_quantile\((0\.\d+), sum by \(le(?:, )?([^)]*)\) \(rate\((.*)$/s.exec(text);
  if (q) {
    const chosen = readSelector(q[4] ?? "");
    const fn = q[1] ? "quantiles" : (Object.keys(QUANTILES) as Q[]).find((name) => QUANTILES[name] === q[2]);
    return chosen && fn ? { metric: chosen.metric.replace(/_bucket$/, ""), where: chosen.where, fn, agg: "", by: split(q[3]) } : null;
  }
  const aggregated = /^(sum|avg|max|min|count)(?: by \(([^)]*)\) )?\((.*)$/s.exec(text);
  const inner = aggregated ? (aggregated[3] ?? "") : text;
  const fn = (/^(rate|increase)\(/.exec(inner)?.[1] ?? "value") as Fn;
  const chosen = readSelector(fn === "value" ? inner : inner.slice(fn.length + 1));
  if (!chosen) return null;
  const built: Build = { metric: chosen.metric, where: chosen.where, fn, agg: (aggregated?.[1] ?? "") as Agg, by: split(aggregated?.[2]) };
  if (/ \/ sum/.test(text) && chosen.metric.endsWith("_sum")) return { ...built, metric: chosen.metric.replace(/_sum$/, ""), fn: "mean", agg: "" };
  return built;
}

/** The names that stand in a query where metrics do. */
export function metricsIn(text: string, known: ReadonlySet<string>): string[] {
  const words = text.replace(new RegExp(STRING, "g"), '""').match(/[a-zA-Z_:][\w:]*/g) ?? [];
  return [...new Set(words.filter((word) => known.has(word) || known.has(word.replace(/_(bucket|sum|count)$/, ""))))];
}

/** The unit of what a query answers, as far as its form tells. */
export function unitOfQuery(text: string, known: ReadonlyMap<string, Metric>): Unit {
  const built = read(text);
  if (!built) return unitOfText(text, known);
  const unit = unitOf(built.metric, known.get(built.metric)?.unit ?? null);
  if (built.agg === "count") return "number";
  if (built.fn === "rate") return known.get(built.metric)?.type === "histogram" ? "per second" : rateUnit(unit, built.metric);
  return unit;
}

/** Of a written query: where nothing but sums, maxima and rates stand around one metric, its unit is that of the metric. */
function unitOfText(text: string, known: ReadonlyMap<string, Metric>): Unit {
  const names = metricsIn(text, new Set(known.keys()));
  const [name] = names;
  if (names.length !== 1 || !name || /[/*%^]|\bbool\b|count|absent|timestamp/.test(text.replace(new RegExp(STRING, "g"), ""))) return "number";
  const unit = unitOf(name, known.get(name)?.unit ?? null);
  if (/histogram_quantile/.test(text)) return unit;
  return /\b(i?rate|deriv)\(/.test(text) ? rateUnit(unit, name) : unit;
}
