/** Drawing a picture on a canvas. Everything is told: nothing here knows of the page. */

import { count } from "../lib/format";
import { kindOf } from "../lib/states";
import { hueColour } from "../lib/hue";
import { axisStep, LANE_PX, laneTop, type Picture, type Track, type View } from "./model";

export const GUTTER_PX = 208;
export const AXIS_PX = 24;
const ROOM_PER_LINE_PX = 24;

export interface Look { dark: boolean; ground: string; sunk: string; line: string; text: string; dim: string; failed: string; lost: string; accent: string; chosen: string; kinds: Record<string, string>; font: string; bold: string }

export interface Arrow { fromNs: number; fromTrack: string; toNs: number; toTrack: string }

export interface Scene {
  picture: Picture; view: View; width: number; height: number; scrollTop: number; look: Look; colorBy: "function" | "state";
  highlight: string; selectedId: string; hover: { track: string; slice: number } | null; range: View | null; arrows: readonly Arrow[];
}

export function draw(context: CanvasRenderingContext2D, scene: Scene): void {
  const { width, height, look, picture } = scene;
  context.fillStyle = look.ground;
  context.fillRect(0, 0, width, height);
  const first = scene.scrollTop, last = scene.scrollTop + height - AXIS_PX;
  drawGrid(context, scene);
  const paint = paints(scene);
  context.save();
  context.beginPath();
  context.rect(0, AXIS_PX, width, height - AXIS_PX);
  context.clip();
  context.translate(0, AXIS_PX - scene.scrollTop);
  for (const track of picture.tracks) if (track.top + track.height >= first && track.top <= last) drawTrack(context, scene, track, paint);
  drawArrows(context, scene);
  context.restore();
  if (scene.range) drawRange(context, scene, scene.range);
}

const plotWidth = (scene: Scene): number => scene.width - GUTTER_PX;

/** From nanoseconds after the picture's base to pixels. */
export function scaleOf(scene: Pick<Scene, "picture" | "view" | "width">): { perNs: number; shift: number } {
  const perNs = (scene.width - GUTTER_PX) / (scene.view.toNs - scene.view.fromNs);
  return { perNs, shift: GUTTER_PX + (scene.picture.baseNs - scene.view.fromNs) * perNs };
}

interface Paint { fill: string; faint: boolean }

function paints(scene: Scene): Paint[] {
  const wanted = scene.highlight.toLowerCase();
  return scene.picture.colors.map((name) => ({
    fill: scene.colorBy === "state" ? (scene.look.kinds[kindOf(name)] ?? scene.look.dim) : hueColour(name, scene.look.dark),
    faint: wanted !== "" && !name.toLowerCase().includes(wanted),
  }));
}

function drawGrid(context: CanvasRenderingContext2D, scene: Scene): void {
  const { view, look, width, height } = scene;
  const span = view.toNs - view.fromNs, step = axisStep(span, plotWidth(scene), 96);
  context.font = look.font;
  context.textBaseline = "middle";
  context.textAlign = "left";
  for (let ns = Math.ceil(view.fromNs / step) * step; ns < view.toNs; ns += step) {
    const x = Math.round(GUTTER_PX + ((ns - view.fromNs) / span) * plotWidth(scene));
    context.fillStyle = look.line;
    context.fillRect(x, 0, 1, height);
    context.fillStyle = look.dim;
    context.fillText(tickText(ns, step), x + 4, AXIS_PX / 2);
  }
  context.fillStyle = look.line;
  context.fillRect(0, AXIS_PX - 1, width, 1);
}

function tickText(ns: number, step: number): string {
  const iso = new Date(ns / 1e6).toISOString();
  if (step >= 86_400e9) return iso.slice(5, 10);
  if (step >= 60e9) return iso.slice(11, 16);
  if (step >= 1e9) return iso.slice(11, 19);
  if (step >= 1e6) return iso.slice(14, 23);
  const micros = Math.floor((ns % 1e9) / 1e3);
  return `${iso.slice(17, 19)}.${String(micros).padStart(6, "0")}`;
}

function drawTrack(context: CanvasRenderingContext2D, scene: Scene, track: Track, paint: readonly Paint[]): void {
  const { look, width } = scene;
  context.fillStyle = look.line;
  context.fillRect(0, track.top + track.height - 1, width, 1);
  context.save();
  context.beginPath();
  context.rect(GUTTER_PX, track.top, width - GUTTER_PX, track.height);
  context.clip();
  drawSlices(context, scene, track, paint);
  drawMarks(context, scene, track);
  context.restore();
  drawLabel(context, scene, track);
}

function drawSlices(context: CanvasRenderingContext2D, scene: Scene, track: Track, paint: readonly Paint[]): void {
  const { perNs, shift } = scaleOf(scene);
  const { look, width } = scene;
  for (let i = 0; i < track.startNs.length; i++) {
    const x = shift + (track.startNs[i] ?? 0) * perNs, wide = (track.widthNs[i] ?? 0) * perNs;
    if (x + wide < GUTTER_PX || x > width) continue;
    const left = Math.max(x, GUTTER_PX - 2), right = Math.min(Math.max(x + wide, x + 1), width + 2);
    const colour = paint[track.color[i] ?? 0], fill = track.fill[i] ?? 100, y = laneTop(track, track.lane[i] ?? 0);
    const tall = LANE_PX - 2;
    context.globalAlpha = (colour?.faint ? 0.15 : 1) * (fill >= 100 ? 1 : 0.35 + 0.65 * (fill / 100));
    context.fillStyle = colour?.fill ?? look.dim;
    context.fillRect(left, y, right - left - (wide > 4 ? 1 : 0), tall);
    context.globalAlpha = 1;
    if (track.bad[i]) failedEdge(context, look, left, right, y, tall, (track.count[i] ?? 1) === 1);
    const isChosen = scene.selectedId !== "" && track.ids[i] === scene.selectedId;
    const isHovered = scene.hover?.track === track.id && scene.hover.slice === i;
    if (isChosen || isHovered) outline(context, isChosen ? look.accent : look.text, left, right, y, tall);
    if (right - left > 36 && !colour?.faint) sliceText(context, scene, track, i, left, right, y);
  }
}

/** A bar below what failed, or holds a failure; one attempt that failed ends in a block too, so that it is seen without colour. */
function failedEdge(context: CanvasRenderingContext2D, look: Look, left: number, right: number, y: number, tall: number, isOne: boolean): void {
  context.fillStyle = look.failed;
  context.fillRect(left, y + tall - 2, right - left, 2);
  if (isOne) context.fillRect(Math.max(left, right - 4), y, Math.min(4, right - left), tall);
}

function outline(context: CanvasRenderingContext2D, colour: string, left: number, right: number, y: number, tall: number): void {
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.strokeRect(left, y, Math.max(2, right - left), tall);
}

function sliceText(context: CanvasRenderingContext2D, scene: Scene, track: Track, i: number, left: number, right: number, y: number): void {
  const name = scene.picture.colors[track.color[i] ?? 0] ?? "";
  const many = (track.count[i] ?? 1) > 1 ? `${track.count[i]}× ` : "";
  const room = Math.floor((right - left - 8) / 6.2), text = many + name;
  if (room < 3) return;
  context.font = scene.look.font;
  context.fillStyle = scene.look.dark ? "#0d0f11" : "#ffffff";
  context.fillText(text.length > room ? `${text.slice(0, room - 1)}…` : text, left + 4, y + LANE_PX / 2 - 0.5);
}

/**
 * Failures are seen at every zoom: a flag of at least two pixels in a strip of their own on top of the track. Where they are few, a line
 * leads down through the lanes; where they are many, the lines would hide everything else.
 */
function drawMarks(context: CanvasRenderingContext2D, scene: Scene, track: Track): void {
  const { perNs, shift } = scaleOf(scene);
  const places = Array.from(track.markNs, (ns) => shift + ns * perNs).filter((x) => x > GUTTER_PX - 4 && x < scene.width + 4);
  const isFew = places.length * ROOM_PER_LINE_PX < plotWidth(scene), wide = isFew ? 6 : 2;
  context.fillStyle = scene.look.failed;
  for (const x of places) {
    context.fillRect(x - wide / 2, track.top + 1, wide, 5);
    if (isFew) context.fillRect(x - 1, track.top + 2, 2, track.height - 4);
  }
}

function drawLabel(context: CanvasRenderingContext2D, scene: Scene, track: Track): void {
  const { look } = scene;
  context.fillStyle = look.ground;
  context.fillRect(0, track.top, GUTTER_PX - 1, track.height - 1);
  context.fillStyle = look.line;
  context.fillRect(GUTTER_PX - 1, track.top, 1, track.height);
  context.save();
  context.beginPath();
  context.rect(0, track.top, GUTTER_PX - 8, track.height);
  context.clip();
  context.textBaseline = "middle";
  context.font = look.bold;
  context.fillStyle = look.text;
  context.fillText(track.label || "not known", 8, track.top + 11);
  context.font = look.font;
  context.fillStyle = track.failed ? look.failed : look.dim;
  context.fillText(`${count(track.attempts)}${track.failed ? ` · ✕ ${count(track.failed)}` : ""}`, 8, track.top + 25);
  context.restore();
}

/** From a parent's slice to a child's start. */
function drawArrows(context: CanvasRenderingContext2D, scene: Scene): void {
  const { perNs, shift } = scaleOf(scene);
  const tops = new Map(scene.picture.tracks.map((track) => [track.id, track]));
  context.strokeStyle = context.fillStyle = scene.look.accent;
  context.lineWidth = 1.5;
  for (const arrow of scene.arrows) {
    const from = tops.get(arrow.fromTrack), to = tops.get(arrow.toTrack);
    if (!from || !to) continue;
    const x1 = Math.max(GUTTER_PX, shift + (arrow.fromNs - scene.picture.baseNs) * perNs), y1 = from.top + from.height / 2;
    const x2 = Math.max(GUTTER_PX, shift + (arrow.toNs - scene.picture.baseNs) * perNs), y2 = to.top + to.height / 2;
    const bend = Math.max(16, Math.abs(x2 - x1) / 2);
    context.beginPath();
    context.moveTo(x1, y1);
    context.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
    context.stroke();
    context.beginPath();
    context.moveTo(x2, y2);
    context.lineTo(x2 - 6, y2 - 4);
    context.lineTo(x2 - 6, y2 + 4);
    context.fill();
  }
}

function drawRange(context: CanvasRenderingContext2D, scene: Scene, range: View): void {
  const perNs = plotWidth(scene) / (scene.view.toNs - scene.view.fromNs);
  const left = Math.max(GUTTER_PX, GUTTER_PX + (range.fromNs - scene.view.fromNs) * perNs), right = Math.min(scene.width, GUTTER_PX + (range.toNs - scene.view.fromNs) * perNs);
  if (right <= left) return;
  context.globalAlpha = 0.14;
  context.fillStyle = scene.look.accent;
  context.fillRect(left, 0, right - left, scene.height);
  context.globalAlpha = 1;
  context.fillRect(left, 0, 1, scene.height);
  context.fillRect(right - 1, 0, 1, scene.height);
}
