/** Where the nodes of a call graph stand: columns by how far from the driver, each column ordered so that few edges cross. Pure. */

import type { ViewLink } from "../lib/types";

export interface GraphNode {
  id: string; label: string; kind: "driver" | "function" | "actor" | "other"; attempts: number; retries: number; failed: number; running: number; total_ns: number; p50_ns: number | null;
  folded?: number; link?: ViewLink | null; methods?: { name: string; calls: number; failed: number; total_ns: number }[];
}
export interface GraphEdge { source: string; target: string; calls: number; failed: number; total_ns: number }
export interface Placed extends GraphNode { x: number; y: number; column: number }
export interface Layout { nodes: Placed[]; width: number; height: number }

export const NODE_W = 208, NODE_H = 52;
const GAP_X = 128, GAP_Y = 20, SWEEPS = 6;
/** A short column beside a long one stands where it is seen without scrolling. */
const SEEN_AT_ONCE = 180;

export function layout(nodes: readonly GraphNode[], edges: readonly GraphEdge[]): Layout {
  const depth = depths(nodes, edges);
  const columns: GraphNode[][] = [];
  for (const node of nodes) (columns[depth.get(node.id) ?? 0] ??= []).push(node);
  const filled = columns.filter(Boolean);
  for (const column of filled) column.sort((a, b) => b.total_ns - a.total_ns);
  const order = new Map<string, number>();
  const remember = (column: readonly GraphNode[]): void => column.forEach((node, i) => order.set(node.id, i / Math.max(1, column.length - 1 || 1)));
  filled.forEach(remember);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const column of sweep % 2 ? [...filled].reverse() : filled) {
      const middle = new Map(column.map((node) => [node.id, mean(neighbours(node.id, edges).map((id) => order.get(id)).filter((one) => one !== undefined)) ?? order.get(node.id) ?? 0]));
      column.sort((a, b) => (middle.get(a.id) ?? 0) - (middle.get(b.id) ?? 0));
      remember(column);
    }
  }
  const tallest = Math.max(...filled.map((column) => column.length), 1), height = tallest * (NODE_H + GAP_Y) + GAP_Y;
  const placed = filled.flatMap((column, c) => {
    const top = Math.max(GAP_Y, Math.min((height - column.length * (NODE_H + GAP_Y) + GAP_Y) / 2, SEEN_AT_ONCE));
    return column.map((node, i): Placed => ({ ...node, column: c, x: 16 + c * (NODE_W + GAP_X), y: top + i * (NODE_H + GAP_Y) }));
  });
  return { nodes: placed, width: filled.length * (NODE_W + GAP_X) - GAP_X + 32, height };
}

/** Steps from a root (what nobody calls, else the driver), the first time that each is reached: cycles end there. */
function depths(nodes: readonly GraphNode[], edges: readonly GraphEdge[]): Map<string, number> {
  const called = new Set(edges.filter((edge) => edge.source !== edge.target).map((edge) => edge.target));
  const depth = new Map<string, number>();
  let front = nodes.filter((node) => node.kind === "driver" || !called.has(node.id)).map((node) => node.id);
  if (!front.length && nodes[0]) front = [nodes[0].id];
  for (let level = 0; front.length; level++) {
    for (const id of front) depth.set(id, level);
    front = [...new Set(edges.filter((edge) => front.includes(edge.source) && !depth.has(edge.target)).map((edge) => edge.target))];
  }
  return depth;
}

const neighbours = (id: string, edges: readonly GraphEdge[]): string[] => edges.flatMap((edge) => (edge.source === id ? [edge.target] : edge.target === id ? [edge.source] : []));
const mean = (values: readonly number[]): number | null => (values.length ? values.reduce((sum, one) => sum + one, 0) / values.length : null);

/** A point on an edge that goes to the right, near its end: where its count stands. */
export function labelPoint(from: Placed, to: Placed): { x: number; y: number } {
  const t = 0.82, x1 = from.x + NODE_W, x2 = to.x, y1 = from.y + NODE_H / 2, y2 = to.y + NODE_H / 2, bend = (x2 - x1) / 2;
  const mix = (a: number, b: number, c: number, d: number): number => (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t ** 2 * c + t ** 3 * d;
  return { x: mix(x1, x1 + bend, x2 - bend, x2), y: mix(y1, y1, y2, y2) };
}

/** An edge from the right side of its source to the left side of its target; back edges and loops bow below. */
export function edgePath(from: Placed, to: Placed): string {
  const y1 = from.y + NODE_H / 2, y2 = to.y + NODE_H / 2;
  if (to.column > from.column) {
    const x1 = from.x + NODE_W, x2 = to.x, bend = (x2 - x1) / 2;
    return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  }
  const x1 = from.x + NODE_W, x2 = to.column === from.column ? to.x + NODE_W : to.x + NODE_W / 2;
  if (from.id === to.id) return `M${x1} ${y1 - 8}C${x1 + 40} ${y1 - 24} ${x1 + 40} ${y1 + 24} ${x1} ${y1 + 8}`;
  return `M${x1} ${y1}C${x1 + 56} ${y1} ${x2 + 56} ${y2} ${x2} ${y2}`;
}
