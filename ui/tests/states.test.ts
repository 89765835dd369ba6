import { describe, expect, it } from "vitest";
import { hueOf } from "../src/lib/hue";
import { byKind, kindOf, phases } from "../src/lib/states";

describe("states", () => {
  it("are of eight kinds; what is not known waits", () => expect(["FINISHED", "RUNNING_IN_RAY_GET", "PENDING_ARGS_AVAIL", "LOST", "DEAD", "NEW_WORD"].map(kindOf)).toEqual(["finished", "running", "waiting", "lost", "ended", "waiting"]));
  it("are summed in the order of bars", () => expect(byKind({ RUNNING: 1, RUNNING_IN_RAY_WAIT: 2, FINISHED: 5, PENDING_NODE_ASSIGNMENT: 3 })).toEqual([["finished", 5], ["running", 3], ["waiting", 3]]));
});

describe("the phases of an attempt", () => {
  const times = { PENDING_ARGS_AVAIL: 0, PENDING_NODE_ASSIGNMENT: 10, SUBMITTED_TO_WORKER: 30, RUNNING: 40 };
  it("touch, and end with it", () => expect(phases(times, 100, 999, 90).map((one) => [one.key, one.startNs, one.endNs])).toEqual([["args", 0, 10], ["scheduling", 10, 30], ["fetching", 30, 40], ["running", 40, 90], ["storing", 90, 100]]));
  it("go on while it runs", () => expect(phases(times, null, 70).at(-1)).toMatchObject({ key: "running", endNs: 70 }));
  it("are none where nothing was seen", () => expect(phases({}, null, 5)).toEqual([]));
});

describe("a function's hue", () => {
  it("is the same on every machine", () => expect(["load", "preprocess", "Trainer.step"].map(hueOf)).toEqual([1, 11, 6]));
  it("uses all twelve", () => expect(new Set(Array.from({ length: 300 }, (_, i) => hueOf(`f${i}`))).size).toBe(12));
});
