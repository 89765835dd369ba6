import { describe, expect, it } from "vitest";
import { compose, read, unitOfQuery, usual, type Build, type Metric } from "../src/metrics/build";
import { offers, wordAt } from "../src/metrics/complete";
import { asOf, readFindings } from "../src/metrics/findings";
import { common, figures, isolate, matching, nameOf, sorted, tableOf, textOf } from "../src/metrics/legend";
import { grouped, wordsOf, type Happening } from "../src/metrics/marks";
import { jobPanels, named, nodePanels, oneOf, processPanels, sessionPanels, wayOf } from "../src/metrics/panels";
import { numberOf, onGrid, PromError } from "../src/metrics/prom";
import { filled, gridOf, padded, promDuration, readTime, spanOf, stepOf, within } from "../src/metrics/time";
import { amount, rateUnit, tick, unitOf } from "../src/metrics/unit";

const NOW = Date.UTC(2026, 10, 18, 12, 0, 0);

describe("a time in an address", () => {
  it("is read as the server reads it", () => {
    expect(readTime("-15m", NOW)).toBe(NOW - 900_000);
    expect(readTime("2026-11-18T11:00", NOW)).toBe(NOW - 3_600_000);
    expect(readTime("2026-11-18T12:00:00+01:00", NOW)).toBe(NOW - 3_600_000);
    expect(readTime(String(NOW * 1e6), NOW)).toBe(NOW);
    expect(readTime(String(NOW / 1e3), NOW)).toBe(NOW);
    expect(readTime("yesterday", NOW)).toBeNull();
    expect(readTime(null, NOW)).toBeNull();
  });
  it("bounds a life; as of a time it ends there", () => {
    const free = { since: null, until: null, at: null };
    expect(spanOf(NOW - 1e6, null, free, NOW)).toEqual({ fromMs: NOW - 1e6, toMs: NOW });
    expect(spanOf(NOW - 1e6, NOW - 1e5, { ...free, at: "-5m" }, NOW).toMs).toBe(NOW - 3e5);
    expect(spanOf(NOW - 1e6, NOW, { ...free, since: "-1m" }, NOW).fromMs).toBe(NOW - 6e4);
    expect(padded({ fromMs: 0, toMs: 100_000 }, 101_000)).toEqual({ fromMs: -4000, toMs: 101_000 });
    expect(within({ fromMs: 0, toMs: 10 }, { fromMs: 5, toMs: 20 })).toEqual({ fromMs: 5, toMs: 10 });
    expect(within({ fromMs: 0, toMs: 10 }, { fromMs: 50, toMs: 60 })).toEqual({ fromMs: 0, toMs: 10 });
  });
  it("has a step that keeps values few, and times on whole steps", () => {
    const hour = { fromMs: NOW - 3_600_000 + 1, toMs: NOW };
    expect(stepOf(hour, 240)).toBe(15);
    expect(gridOf(hour, 15)[0]).toBe(NOW / 1e3 - 3585);
    expect(gridOf(hour, 15)).toHaveLength(240);
    expect(gridOf({ fromMs: NOW + 100, toMs: NOW + 200 }, 1)).toHaveLength(1);
    expect(promDuration(90)).toBe("90s");
    expect(promDuration(7200)).toBe("2h");
    expect(filled("rate(x[$__rate_interval]) / ${__interval} $x", hour, 15)).toBe("rate(x[20s]) / 15s $x");
  });
});

describe("Prometheus's answers", () => {
  it("come on a grid, with gaps where there is nothing", () => {
    const [series] = onGrid([10, 15, 20], 5, [{ metric: { a: "b" }, values: [[10, "1"], [20, "NaN"], [99, "7"]] }]);
    expect(series).toEqual({ labels: { a: "b" }, values: [1, null, null] });
    expect(numberOf("+Inf")).toBeNull();
  });
  it("say where a query is wrong", () => {
    const error = new PromError("bad_data", 'invalid parameter "query": 1:7: parse error: unexpected end of input');
    expect([error.message, error.line, error.column]).toEqual(["unexpected end of input", 1, 7]);
    expect(new PromError("bad_data", "unknown function").line).toBeNull();
  });
});

describe("units", () => {
  it("are those of the name, or as declared", () => {
    expect(unitOf("ray_node_mem_used")).toBe("bytes");
    expect(unitOf("ray_node_network_receive_speed")).toBe("bytes/s");
    expect(unitOf("ray_node_cpu_utilization")).toBe("percent");
    expect(unitOf("rayscope_process_cpu_seconds_total")).toBe("seconds");
    expect(unitOf("batches_total")).toBe("number");
    expect(unitOf("size", "Bytes")).toBe("bytes");
    expect(rateUnit("seconds", "rayscope_process_cpu_seconds_total")).toBe("cores");
    expect(rateUnit("bytes", "x_bytes_total")).toBe("bytes/s");
  });
  it("are written with three digits", () => {
    expect(amount("bytes/s", 2048)).toBe("2 KiB/s");
    expect(amount("percent", 12.345)).toBe("12.3 %");
    expect(amount("ratio", 0.5)).toBe("50 %");
    expect(amount("seconds", 0.0123)).toBe("12.3 ms");
    expect(amount("per second", 12_345)).toBe("12.3k/s");
    expect(amount("number", 0.0000012)).toBe("1.2e-6");
    expect(amount("number", null)).toBe("–");
    expect(tick("cores", 2)).toBe("2");
  });
});

const metric = (more: Partial<Metric>): Metric => ({ name: "x", type: "gauge", help: "", unit: "", series: 2, source: "user", labels: [], ...more });

describe("a query that is chosen", () => {
  it("begins as its type asks", () => {
    expect(compose(usual(metric({ name: "n_total", type: "counter", labels: ["route", "node", "WorkerId", "otel_scope_name"] })))).toBe("sum by (route) (rate(n_total[$__rate_interval]))");
    expect(compose(usual(metric({})))).toBe("x");
    expect(compose(usual(metric({ series: 900 })))).toBe("avg by (node) (x)");
    expect(compose(usual(metric({ type: "histogram" })))).toContain('"quantile", "0.99"');
  });
  it("is read back from its text", () => {
    const where = [{ name: "route", op: "=~" as const, value: 'a"}|b' }];
    const builds: Build[] = [
      { metric: "x", where: [], fn: "value", agg: "", by: [] },
      { metric: "x", where, fn: "value", agg: "max", by: ["a", "b"] },
      { metric: "x_total", where, fn: "rate", agg: "sum", by: [] },
      { metric: "x_total", where: [], fn: "increase", agg: "", by: [] },
      { metric: "h", where, fn: "quantiles", agg: "", by: ["a"] },
      { metric: "h", where: [], fn: "p90", agg: "", by: [] },
      { metric: "h", where, fn: "mean", agg: "", by: ["a"] },
    ];
    for (const build of builds) expect(read(compose(build))).toEqual(build);
  });
  it("is none where it was written", () => {
    for (const text of ["rate(x[5m])", "x + y", "sum(x) > 3", "sum without (a) (x)", "", "x offset 5m", "histogram_quantile(0.77, sum by (le) (rate(h_bucket[$__rate_interval])))"]) expect(read(text)).toBeNull();
  });
  it("has a unit", () => {
    const known = new Map([metric({ name: "b_bytes_total", type: "counter" }), metric({ name: "t_seconds", type: "histogram" })].map((one) => [one.name, one]));
    expect(unitOfQuery("sum(rate(b_bytes_total[5m]))", known)).toBe("bytes/s");
    expect(unitOfQuery("b_bytes_total / 2", known)).toBe("number");
    expect(unitOfQuery(compose(usual(metric({ name: "t_seconds", type: "histogram" }))), known)).toBe("seconds");
  });
});

describe("a legend", () => {
  const labels: Record<string, string>[] = [{ __name__: "x", node: "a", job: "ray" }, { __name__: "x", node: "b", job: "ray", device: "sda" }];
  it("names lines by what differs", () => {
    expect(common(labels)).toEqual({ shared: { __name__: "x", job: "ray" }, differing: ["device", "node"] });
    expect(nameOf(labels[1] ?? {}, ["device", "node"])).toBe("b · device=sda");
    expect(nameOf({ node: "a".repeat(56) }, ["node"])).toBe("aaaaaaaa…");
    expect(nameOf({}, [])).toBe("value");
    expect(textOf({ __name__: "x", a: 'q"' })).toBe('x{a="q\\""}');
  });
  it("sorts by figures, nothing last", () => {
    const rows = [[1, 2], [null, null], [9, 0]].map((values, i) => ({ name: `n${i}`, text: `n${i} host${i}`, figures: figures(values as (number | null)[]) }));
    expect(sorted(rows, "max", true).map((row) => row.name)).toEqual(["n2", "n0", "n1"]);
    expect(sorted(rows, "mean", false).map((row) => row.name)).toEqual(["n0", "n2", "n1"]);
    expect(sorted(rows, "name", true).map((row) => row.name)).toEqual(["n2", "n1", "n0"]);
    expect(matching(rows, "HOST2 n").map((row) => row.name)).toEqual(["n2"]);
  });
  it("isolates with a click, and shows all with the next", () => {
    const one = isolate(null, "a", false);
    expect([...(one ?? [])]).toEqual(["a"]);
    expect(isolate(one, "a", false)).toBeNull();
    expect([...(isolate(one, "b", true) ?? [])]).toEqual(["a", "b"]);
    expect(isolate(one, "a", true)).toBeNull();
  });
  it("is a table too, whose columns have names of their own", () => {
    const { columns, rows } = tableOf([0], [{ name: "a", values: [1] }, { name: "a", values: [null] }]);
    expect(columns).toEqual(["time", "a", "a (2)"]);
    expect(rows[0]).toEqual({ time: "1970-01-01T00:00:00.000Z", a: 1, "a (2)": null });
  });
});

describe("marks", () => {
  const happening = (ms: number, kind: Happening["kind"], text: string): Happening => ({ ms, kind, text, href: `/${text}` });
  it("that are near are one, of the worst kind", () => {
    const marks = grouped([happening(100, "ended", "actor"), happening(104, "failed", "task"), happening(105, "failed", "task"), happening(500, "lost", "node"), happening(9999, "failed", "out")], 0, 1000, 10);
    expect(marks.map((mark) => [mark.ms, mark.kind, mark.count, mark.href])).toEqual([[100, "failed", 3, "/task"], [500, "lost", 1, "/node"]]);
    expect(wordsOf(marks[0] ?? marks[1]!)).toBe("2 × task; actor");
  });
});

describe("panels", () => {
  it("are those of which the metrics are stored, Ray's before the agent's", () => {
    const [cpu] = sessionPanels();
    if (!cpu) throw new Error("no panels");
    expect(wayOf(cpu, new Set())).toBeNull();
    expect(wayOf(cpu, new Set(["rayscope_node_cpu_seconds_total"]))?.queries[0]?.expr).toContain("rayscope_node_cpu");
    expect(wayOf(cpu, new Set(["rayscope_node_cpu_seconds_total", "ray_node_cpu_utilization"]))?.queries[0]?.expr).toBe("avg(ray_node_cpu_utilization)");
  });
  it("are of what the page is about", () => {
    const exprs = (panels: { ways: readonly { queries: readonly { expr: string }[] }[] }[]): string[] => panels.flatMap((panel) => panel.ways.flatMap((way) => way.queries.map((query) => query.expr)));
    expect(exprs(nodePanels("ab")).every((expr) => expr.includes('node="ab"'))).toBe(true);
    expect(exprs(jobPanels("01", ["a", "b"])).every((expr) => /node=~"a\|b"|JobId="01"/.test(expr))).toBe(true);
    expect(exprs(processPanels(["w"], true)).every((expr) => expr.includes('worker_id="w"'))).toBe(true);
    expect(oneOf("a", ["x.y", "z"])).toBe('a=~"x\\\\.y|z"');
    expect(named("{{Location}}", { Location: "MMAP_SHM" })).toBe("shared memory");
  });
});

describe("what may follow in a query", () => {
  const known = [metric({ name: "ray_node_mem_used", labels: ["node", "ip"] }), metric({ name: "h", type: "histogram", labels: ["le"] })];
  it("are metrics and functions, and labels inside braces", () => {
    expect(offers("sum(ray_no", 10, known).map((one) => one.insert)).toEqual(["ray_node_mem_used"]);
    expect(offers("ra", 2, known).map((one) => one.insert)).toEqual(["ray_node_mem_used", "rate("]);
    expect(offers("ray_node_mem_used{no", 20, known).map((one) => one.insert)).toEqual(['node="']);
    expect(offers('x{a="ra', 7, known)).toEqual([]);
    expect(wordAt("a + bc", 6)).toEqual({ word: "bc", from: 4, metric: null });
  });
});

describe("findings", () => {
  it("come the worst first, with the page that explains them", () => {
    const found = readFindings({ findings: [{ id: "1", severity: "warning", title: "a", doc: "findings.md#x" }, { id: "2", severity: "error", evidence: [{ text: "t", query: "up" }] }, { severity: "odd" }] });
    expect(found.map((one) => one.severity)).toEqual(["error", "warning", "info"]);
    expect(found[1]?.href).toMatch(/docs\/findings\.md#x$/);
    expect(found[0]?.evidence).toEqual([{ text: "t", query: "up", value: null }]);
    expect(readFindings(null)).toEqual([]);
  });
  it("as of a time are those of then", () => {
    const found = readFindings({ findings: [{ id: "1", since_ms: 10, until_ms: 30 }, { id: "2", since_ms: 50, until_ms: null }] });
    expect(asOf(found, 20).map((one) => [one.id, one.until_ms])).toEqual([["1", null]]);
    expect(asOf(found, null)).toEqual(found);
  });
});
