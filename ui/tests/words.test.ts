import { describe, expect, it } from "vitest";
import { spans, stripped } from "../src/lib/ansi";
import { jsonText, shapeOf } from "../src/lib/cells";
import { toCsv, toJsonl } from "../src/lib/export";
import { command } from "../src/lib/terminal";
import { edgePath, layout, type GraphNode } from "../src/graph/layout";

describe("a command", () => {
  it("is quoted for a shell", () => expect(command(["list", "tasks"], { f: ["name=a b", "x>1"], session: "s1", at: null })).toBe("rayscope list tasks -f 'name=a b' -f 'x>1' --session s1"));
});

describe("an export", () => {
  const rows = [{ a: 'x "y", z', b: null }, { a: { k: 1 }, b: 2 }];
  it("is CSV by RFC 4180", () => expect(toCsv(["a", "b"], rows)).toBe('a,b\r\n"x ""y"", z",\r\n"{""k"":1}",2\r\n'));
  it("is JSON lines", () => expect(toJsonl(["b"], rows)).toBe('{"b":null}\n{"b":2}\n'));
});

describe("terminal colours", () => {
  it("become spans, other escapes go", () => {
    expect(spans("\u001b[1;31mbad\u001b[0m ok\u001b[2K")).toEqual([{ text: "bad", classes: "ansi1 ansi-bold" }, { text: " ok", classes: "" }]);
    expect(spans("\u001b[38;5;196mred\u001b[48;2;1;2;3m x")).toEqual([{ text: "red", classes: "ansi1" }, { text: " x", classes: "ansi1" }]);
    expect(stripped("\u001b]8;;http://x\u0007link\u001b]8;;\u0007")).toBe("link");
  });
});

describe("a cell", () => {
  it("shows resources in words", () => expect(jsonText({ CPU: 4, memory: 2 ** 31, "node:10.0.0.1": 1 })).toBe("CPU 4, memory 2 GiB"));
  it("has the shape of its column", () => expect(shapeOf({ name: "duration_ns", kind: "int", level: "brief", unit: "duration_ns", description: "" })).toBe("duration"));
});

describe("a call graph", () => {
  const node = (id: string, kind: GraphNode["kind"] = "function"): GraphNode => ({ id, label: id, kind, attempts: 1, retries: 0, failed: 0, running: 0, total_ns: 1, p50_ns: null });
  const edge = (source: string, target: string) => ({ source, target, calls: 1, failed: 0, total_ns: 1 });
  it("goes from the driver to the right, and ends in spite of cycles", () => {
    const { nodes } = layout([node("d", "driver"), node("a"), node("b")], [edge("d", "a"), edge("a", "b"), edge("b", "a"), edge("b", "b")]);
    expect(nodes.map((one) => [one.id, one.column])).toEqual([["d", 0], ["a", 1], ["b", 2]]);
    const [, a, b] = nodes;
    if (!a || !b) throw new Error("nodes are missing");
    expect(edgePath(b, b)).toMatch(/^M/);
  });
  it("places everything, also without a root", () => expect(layout([node("a"), node("b")], [edge("a", "b"), edge("b", "a")]).nodes).toHaveLength(2));
});
