/** A picture of a timeline as the server sends it, unpacked for drawing; where things are on the screen and what is under a point. Pure. */

export interface TrackAnswer {
  id: string; label: string; detail: string | null; lanes: number; attempts: number; failed: number; busy_ns: number;
  slices: { x: number[]; w: number[]; lane: number[]; color: number[]; count: number[]; failed: number[]; fill: number[]; id: string[]; attempt: number[] };
  marks: { x: number[]; count: number[] };
}
export interface TimelineAnswer {
  session: string; from_ns: number; to_ns: number; as_of_ns: number | null; tick_ns: number; bin_ticks: number; attempts: number; failed: number; waiting: number;
  tracks: TrackAnswer[]; tracks_total: number; more: { tracks: number; attempts: number; failed: number }; colors: string[]; warnings: string[];
}

export interface View { fromNs: number; toNs: number }

export interface Track {
  id: string; label: string; detail: string; attempts: number; failed: number; busyNs: number; top: number; height: number; lanes: number;
  startNs: Float64Array; widthNs: Float64Array; lane: Uint8Array; color: Uint16Array; count: Uint32Array; bad: Uint32Array; fill: Uint32Array; ids: string[]; attempt: Uint16Array;
  markNs: Float64Array; markCount: Uint32Array;
}
/** Times in a picture count from its `baseNs`: that keeps them exact in a double. */
export interface Picture { baseNs: number; spanNs: number; binNs: number; tracks: Track[]; colors: string[]; height: number; answer: TimelineAnswer }

export const LANE_PX = 14;
const TRACK_PAD_PX = 14; // half of it above the lanes, where the flags of failures are
const MIN_TRACK_PX = 36;

export function unpack(answer: TimelineAnswer): Picture {
  const tick = answer.tick_ns;
  let top = 0;
  const tracks = answer.tracks.map((one): Track => {
    const lanes = Math.max(1, one.lanes, ...(one.slices.lane.length ? [maxOf(one.slices.lane) + 1] : []));
    const height = Math.max(MIN_TRACK_PX, lanes * LANE_PX + TRACK_PAD_PX);
    const track: Track = {
      id: one.id, label: one.label, detail: one.detail ?? "", attempts: one.attempts, failed: one.failed, busyNs: one.busy_ns, top, height, lanes,
      startNs: Float64Array.from(one.slices.x, (x) => x * tick), widthNs: Float64Array.from(one.slices.w, (w) => Math.max(w, 0) * tick),
      lane: Uint8Array.from(one.slices.lane), color: Uint16Array.from(one.slices.color), count: Uint32Array.from(one.slices.count), bad: Uint32Array.from(one.slices.failed),
      fill: Uint32Array.from(one.slices.fill), ids: one.slices.id ?? [], attempt: Uint16Array.from(one.slices.attempt ?? []),
      markNs: Float64Array.from(one.marks.x, (x) => x * tick), markCount: Uint32Array.from(one.marks.count),
    };
    top += height;
    return track;
  });
  return { baseNs: answer.from_ns, spanNs: answer.to_ns - answer.from_ns, binNs: answer.bin_ticks * tick, tracks, colors: answer.colors, height: top, answer };
}

const maxOf = (values: readonly number[]): number => values.reduce((most, one) => Math.max(most, one), 0);

export interface Hit { track: Track; slice: number }

/** The slice under a point: `ns` from the picture's base, `y` from the first track's top. `slackNs` is about a pixel. */
export function hit(picture: Picture, ns: number, y: number, slackNs: number): Hit | null {
  const track = picture.tracks.find((one) => y >= one.top && y < one.top + one.height);
  if (!track) return null;
  const lane = Math.floor((y - track.top - TRACK_PAD_PX / 2) / LANE_PX);
  let best = -1;
  for (let i = 0; i < track.startNs.length; i++) {
    if (track.lane[i] !== lane) continue;
    const start = track.startNs[i] ?? 0, end = start + (track.widthNs[i] ?? 0);
    if (ns >= start - slackNs && ns <= end + slackNs && (best < 0 || Math.abs(ns - start) < Math.abs(ns - (track.startNs[best] ?? 0)))) best = i;
  }
  return best < 0 ? null : { track, slice: best };
}

/** Where a lane begins inside its track. */
export const laneTop = (track: Track, lane: number): number => track.top + TRACK_PAD_PX / 2 + lane * LANE_PX;

/** A window after zooming by a factor around a time; it stays inside the bounds and over a microsecond wide. */
export function zoom(view: View, factor: number, aroundNs: number, bounds: View): View {
  const span = Math.min(bounds.toNs - bounds.fromNs, Math.max(2000, (view.toNs - view.fromNs) * factor));
  const share = (aroundNs - view.fromNs) / (view.toNs - view.fromNs);
  return clamp({ fromNs: aroundNs - span * share, toNs: aroundNs + span * (1 - share) }, bounds);
}

export const pan = (view: View, byNs: number, bounds: View): View => clamp({ fromNs: view.fromNs + byNs, toNs: view.toNs + byNs }, bounds);

export function clamp(view: View, bounds: View): View {
  const span = Math.min(view.toNs - view.fromNs, bounds.toNs - bounds.fromNs);
  const fromNs = Math.min(Math.max(view.fromNs, bounds.fromNs), bounds.toNs - span);
  return { fromNs, toNs: fromNs + span };
}

const STEPS_NS = [1, 2, 5].flatMap((n) => [0, 1, 2, 3, 4, 5, 6, 7, 8].map((power) => n * 10 ** power)).concat([1e9, 2e9, 5e9, 10e9, 15e9, 30e9, 60e9, 120e9, 300e9, 600e9, 900e9, 1800e9, 3600e9, 7200e9, 21_600e9, 43_200e9, 86_400e9, 604_800e9]).sort((a, b) => a - b);

/** The step between two marks of the axis: the smallest that leaves each the wanted room. */
export const axisStep = (spanNs: number, widthPx: number, roomPx: number): number => STEPS_NS.find((step) => (step / spanNs) * widthPx >= roomPx) ?? 604_800e9;
