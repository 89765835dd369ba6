import { describe, expect, it } from "vitest";
import { pageOfEvent } from "../src/lib/cells";
import { ago, bytes, clockAndDay, digits, duration, errorLine, shortCommand, shortCount, shortId, shortSession, utc } from "../src/lib/format";

describe("numbers", () => {
  it("have at most three significant digits and a unit", () => {
    expect([0, 999, 1234, 310e6, 9.1e9, 59.9e9, 60e9, 252e9, 3600e9, 90_000e9].map(duration)).toEqual(["0 s", "999 ns", "1.23 µs", "310 ms", "9.1 s", "59.9 s", "1 m", "4 m 12 s", "1 h", "1 d 1 h"]);
    expect([0, 1023, 1536, 5 * 1024 ** 3].map(bytes)).toEqual(["0 B", "1023 B", "1.5 KiB", "5 GiB"]);
    expect([9999, 12_345, 4_567_890].map(shortCount)).toEqual(["9,999", "12.3k", "4.57M"]);
    expect([1234.5, 12.345, 0.00123, Number.NaN].map(digits)).toEqual(["1235", "12.3", "0.00123", "unknown"]);
  });
  it("round up to the next unit rather than to 60 s", () => expect(duration(59.96e9)).toBe("1 m"));
});

describe("times", () => {
  it("are exact in UTC", () => expect(utc(1_795_556_563_992_948_766)).toBe("2026-11-24 21:42:43.992948 UTC"));
  it("age in their greatest unit", () => expect([0, 5e9, 90e9, 7200e9, -120e9].map((ns) => ago(1e18 - ns, 1e18))).toEqual(["just now", "5 s ago", "1 m ago", "2 h ago", "in 2 m"]));
});

describe("names", () => {
  it("are short, and still tell apart", () => {
    expect(shortId("664a780010703836ffffffffffffffff")).toBe("664a780010…");
    expect(shortId("01000000")).toBe("01000000");
    expect(shortSession("session_2026-11-24_21-42-28_929073_64")).toBe("11-24 21:42:28");
    expect(shortSession("mine")).toBe("mine");
    expect(shortCommand("/usr/bin/python /home/x/train.py --data s3://bucket/y")).toBe("python train.py --data s3://bucket/y");
  });
  it("of an error is the line that raises", () => expect(errorLine("Traceback\n  File \"a.py\"\nValueError: bad row 17\n\nThe above …")).toBe("ValueError: bad row 17"));
});

describe("events", () => {
  it("are told by the clock, with the day where it is another", () => {
    const noon = Date.UTC(2026, 10, 24, 12) * 1e6;
    expect(clockAndDay(noon + 5e6, noon)).toBe("12:00:00.005");
    expect(clockAndDay(noon, noon + 86_400e9)).toBe("11-24 12:00:00.000");
  });

  it("lead to what they are about", () => {
    const pages = ["WORKER_LIFECYCLE_EVENT", "ACTOR_TASK_DEFINITION_EVENT", "ACTOR_LIFECYCLE_EVENT", "NODE_DEFINITION_EVENT", "DRIVER_JOB_LIFECYCLE_EVENT", "SOMETHING"].map(pageOfEvent);
    expect(pages).toEqual(["workers", "tasks", "actors", "nodes", "jobs", null]);
  });
});
