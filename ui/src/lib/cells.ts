/** How a column's values are shown and where its ids lead. Pure. */

import { bytes, count, digits, duration, errorLine } from "./format";
import type { Column } from "./types";

const PAGE_OF_ID: Record<string, string> = {
  task_id: "tasks", parent_task_id: "tasks", job_id: "jobs", creator_job_id: "jobs", submission_id: "jobs", actor_id: "actors", creator_actor_id: "actors",
  node_id: "nodes", driver_node_id: "nodes", worker_id: "workers", placement_group_id: "placement-groups",
};

/** What the entity of an event is: by the type of the event, the more special first. */
const PAGE_OF_EVENT: readonly [RegExp, string][] = [[/TASK/, "tasks"], [/ACTOR/, "actors"], [/PLACEMENT_GROUP/, "placement-groups"], [/NODE/, "nodes"], [/WORKER/, "workers"], [/JOB/, "jobs"]];
export const pageOfEvent = (type: string): string | null => PAGE_OF_EVENT.find(([pattern]) => pattern.test(type))?.[1] ?? null;

export const pageOfId = (column: string): string | null => PAGE_OF_ID[column] ?? null;

export type Shape = "state" | "time" | "duration" | "bytes" | "id" | "number" | "bool" | "json" | "error" | "command" | "text";

const STATES = new Set(["state", "status", "severity"]);

export function shapeOf(column: Column): Shape {
  if (STATES.has(column.name)) return "state";
  if (column.unit === "ns") return "time";
  if (column.unit === "duration_ns") return "duration";
  if (column.unit === "bytes") return "bytes";
  if (column.unit === "id") return "id";
  if (column.kind === "json") return "json";
  if (column.kind === "bool") return "bool";
  if (column.kind === "int" || column.kind === "float") return "number";
  if (column.name === "error_message") return "error";
  if (column.name === "entrypoint" || column.name === "command") return "command";
  return "text";
}

export const isNumeric = (shape: Shape): boolean => shape === "duration" || shape === "bytes" || shape === "number";

const WIDE = new Set(["error_message", "message", "entrypoint", "command", "exit_detail", "state_reason", "death_message", "labels", "runtime_env", "custom_fields", "resources_total", "required_resources", "state_message"]);
export const isWide = (column: Column): boolean => WIDE.has(column.name);

const TITLES: Record<string, string> = {
  attempt_number: "attempt", duration_ns: "duration", creation_ns: "submitted", start_ns: "started", end_ns: "ended", func_or_class_name: "function", worker_pid: "pid", time_ns: "time",
  is_head_node: "head", resources_total: "resources", required_resources: "needs", num_restarts: "restarts", class_name: "class", ray_namespace: "namespace", source_type: "source",
};

/** A column's name over it: short, in words. */
export const titleOf = (name: string): string => TITLES[name] ?? name.replace(/_(ns|bytes)$/, "").replace(/_id$/, "").replaceAll("_", " ");

/** Mappings of resources and labels as `CPU 4, GPU 1`; others as JSON. */
export function jsonText(value: unknown): string {
  if (value === null || typeof value !== "object") return String(value ?? "");
  if (Array.isArray(value)) return value.length && value.every((one) => typeof one !== "object") ? value.join(", ") : JSON.stringify(value);
  const parts = Object.entries(value as Record<string, unknown>);
  if (!parts.every(([, one]) => one === null || typeof one !== "object")) return JSON.stringify(value);
  return parts.filter(([name]) => !name.startsWith("node:")).map(([name, one]) => `${name.replace(/^ray\.io\//, "")} ${resource(name, one)}`).join(", ");
}

function resource(name: string, value: unknown): string {
  if (typeof value !== "number") return String(value);
  return /memory/.test(name) && value > 1024 ? bytes(value) : digits(value);
}

export function textOf(shape: Shape, value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  if (shape === "duration") return duration(Number(value));
  if (shape === "bytes") return bytes(Number(value));
  if (shape === "number") return Number.isInteger(value) && String(value).length < 5 ? String(value) : count(Number(value));
  if (shape === "json") return jsonText(value) || "–";
  if (shape === "bool") return value ? "yes" : "no";
  if (shape === "error") return errorLine(String(value)) || "–";
  return String(value);
}
