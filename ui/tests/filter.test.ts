import { describe, expect, it } from "vitest";
import { format, parse, split, toQuery, withTerm, without } from "../src/lib/filter";

describe("the text of a filter", () => {
  it("is parted at spaces outside quotes", () => expect(split(`state=FAILED name="a b" duration_ns > 5s and x`)).toEqual(["state=FAILED", 'name="a b"', "duration_ns>5s", "x"]));
  it("knows lists", () => expect(split("job_id in 01, 02 state in (FAILED, LOST)")).toEqual(["job_id in 01,02", "state in (FAILED, LOST)"]));
  it("becomes conditions; a bare word looks for itself", () => expect(toQuery(`state!=FINISHED "a.b"`, "name")).toEqual(["state!=FINISHED", "name~(?i)a\\.b"]));
  it("has terms of three parts", () => expect(["a!~x", "a >= 3", "b in 1,2", "word"].map(parse)).toEqual([{ column: "a", op: "!~", value: "x" }, { column: "a", op: ">=", value: "3" }, { column: "b", op: "in", value: "1,2" }, null]));
  it("reads back what it writes", () => {
    for (const value of ["plain", "two words", 'with "quotes"', "(brackets)", "<img src=x onerror=alert(1)>"]) {
      const text = format({ column: "name", op: "=", value });
      expect(split(`a=1 ${text} b=2`)).toHaveLength(3);
      expect(parse(split(`a=1 ${text} b=2`)[1] ?? "")).toEqual({ column: "name", op: "=", value });
    }
  });
  it("replaces an equal condition on the same column", () => {
    expect(withTerm("state=FAILED name~x", { column: "state", op: "=", value: "LOST" })).toBe("name~x state=LOST");
    expect(withTerm("state=FAILED", { column: "state", op: "!=", value: "LOST" })).toBe("state=FAILED state!=LOST");
    expect(without("a=1 b=2", 0)).toBe("b=2");
  });
});
