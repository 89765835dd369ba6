import { describe, expect, it } from "vitest";
import { axisStep, clamp, hit, laneTop, pan, unpack, zoom, type TimelineAnswer } from "../src/timeline/model";

const ANSWER: TimelineAnswer = {
  session: "s", from_ns: 1e18, to_ns: 1e18 + 8000, as_of_ns: null, tick_ns: 10, bin_ticks: 8, attempts: 3, failed: 1, waiting: 0, tracks_total: 1, more: { tracks: 0, attempts: 0, failed: 0 }, colors: ["a", "b"], warnings: [],
  tracks: [{ id: "w", label: "w", detail: null, lanes: 2, attempts: 3, failed: 1, busy_ns: 1, slices: { x: [0, 100, 300], w: [8, 200, 50], lane: [0, 1, 1], color: [0, 1, 0], count: [2, 1, 1], failed: [1, 0, 0], fill: [50, 100, 100], id: ["", "t1", "t2"], attempt: [0, 0, 1] }, marks: { x: [4], count: [1] } }],
};

describe("a picture", () => {
  const picture = unpack(ANSWER), track = picture.tracks[0];
  it("keeps times from its own beginning", () => expect([...(track?.startNs ?? [])]).toEqual([0, 1000, 3000]));
  it("finds the slice under a point, by lane", () => {
    if (!track) throw new Error("no track");
    expect(hit(picture, 1500, laneTop(track, 1) + 2, 0)?.slice).toBe(1);
    expect(hit(picture, 1500, laneTop(track, 0) + 2, 0)).toBeNull();
    expect(hit(picture, 1500, 900, 0)).toBeNull();
  });
});

describe("a window", () => {
  const bounds = { fromNs: 0, toNs: 1e9 };
  it("zooms around a time, which stays where it is", () => {
    const view = zoom(bounds, 0.5, 2.5e8, bounds);
    expect(view).toEqual({ fromNs: 1.25e8, toNs: 6.25e8 });
    expect((2.5e8 - view.fromNs) / (view.toNs - view.fromNs)).toBeCloseTo(0.25);
  });
  it("never leaves the bounds", () => {
    expect(pan({ fromNs: 0, toNs: 1e8 }, -5e7, bounds)).toEqual({ fromNs: 0, toNs: 1e8 });
    expect(clamp({ fromNs: 9e8, toNs: 2e9 }, bounds)).toEqual(bounds);
    expect(zoom(bounds, 100, 5e8, bounds)).toEqual(bounds);
  });
  it("has marks with room between them", () => expect(axisStep(10e9, 1000, 96)).toBe(1e9));
});

it("a slice in which many ran at once stays full", () => {
  const [track] = ANSWER.tracks;
  if (!track) throw new Error("no track");
  const picture = unpack({ ...ANSWER, tracks: [{ ...track, slices: { ...track.slices, fill: [256, 300, 100_000] } }] });
  expect([...(picture.tracks[0]?.fill ?? [])]).toEqual([256, 300, 100_000]);
});
