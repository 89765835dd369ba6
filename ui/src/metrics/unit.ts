/** What a metric's numbers mean, and how they are written. Pure. */

import { bytes, count, digits, duration, shortCount } from "../lib/format";

export type Unit = "bytes" | "bytes/s" | "percent" | "ratio" | "seconds" | "cores" | "celsius" | "watts" | "per second" | "number";

/** Ray's names that do not end in their unit. */
const RAY: readonly [RegExp, Unit][] = [
  [/^ray_node_(mem|swap|cgroup_mem)_(used|total|available)/, "bytes"], [/^ray_node_disk_(usage|free|io_read|io_write)$/, "bytes"], [/^ray_node_disk_io_\w+_speed$/, "bytes/s"],
  [/^ray_node_network_\w+_speed$/, "bytes/s"], [/^ray_node_network_(sent|received)$/, "bytes"], [/^ray_object_store_\w*memory$|^ray_object_store_dist/, "bytes"], [/^ray_object_directory_/, "number"],
];
const SUFFIX: readonly [RegExp, Unit][] = [
  [/_bytes$/, "bytes"], [/_(percent|percentage|utilization|utilisation)$/, "percent"], [/_ratio$/, "ratio"], [/_seconds$/, "seconds"], [/_celsius$/, "celsius"], [/_watts$/, "watts"],
];
const WORDS: Record<string, Unit> = { bytes: "bytes", byte: "bytes", by: "bytes", seconds: "seconds", s: "seconds", percent: "percent", "%": "percent", ratio: "ratio", celsius: "celsius", watts: "watts" };

/** Of a metric as it is stored. `declared`: what its exposition says, which wins. */
export function unitOf(metric: string, declared: string | null = null): Unit {
  const told = declared ? WORDS[declared.toLowerCase()] : undefined;
  if (told) return told;
  const name = metric.replace(/_total$/, "");
  return (RAY.find(([pattern]) => pattern.test(name)) ?? SUFFIX.find(([pattern]) => pattern.test(name.replace(/_(sum|bucket)$/, ""))))?.[1] ?? "number";
}

/** Of how much it grows in a second: bytes a second; seconds a second are cores, where they are of a CPU. */
export function rateUnit(unit: Unit, metric: string): Unit {
  if (unit === "bytes") return "bytes/s";
  if (unit === "seconds") return /cpu/.test(metric) ? "cores" : "number";
  return "per second";
}

/** A number with its unit, three digits at most. */
export function amount(unit: Unit, value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (unit === "bytes") return bytes(value);
  if (unit === "bytes/s") return `${bytes(value)}/s`;
  if (unit === "seconds") return duration(Math.round(value * 1e9));
  if (unit === "ratio") return `${digits(value * 100)} %`;
  const short = small(value) ?? (Math.abs(value) >= 10_000 ? `${value < 0 ? "−" : ""}${shortCount(Math.abs(value))}` : digits(value));
  return `${short}${{ percent: " %", cores: value === 1 ? " core" : " cores", celsius: " °C", watts: " W", "per second": "/s", number: "" }[unit]}`;
}

/** Very small numbers lose their digits without an exponent. */
const small = (value: number): string | null => (value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential(1) : null);

/** The same beside an axis, where the unit's word would only repeat itself. */
export const tick = (unit: Unit, value: number): string => (unit === "cores" ? digits(value) : unit === "seconds" && value === 0 ? "0" : amount(unit, value).replace(/ (?=[%°])/, ""));

/** The exact number, for hover. */
export const exact = (value: number | null | undefined): string => (value === null || value === undefined ? "no value" : Number.isInteger(value) ? count(value) : String(value));

/** Steps of an axis that fall on whole numbers of its unit. Null: the usual ones. */
export function increments(unit: Unit): number[] | null {
  if (unit === "bytes" || unit === "bytes/s") return Array.from({ length: 60 }, (_, power) => 2 ** power);
  if (unit === "seconds") return [1e-9, 1e-6, 1e-3].flatMap((size) => [1, 2, 5, 10, 20, 50, 100, 200, 500].map((n) => n * size)).concat([1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400, 604_800]);
  return null;
}
