/** What `/api/v1/findings` answers, read with care: a server of another version may say more or less. Pure. */

export interface Evidence { text: string; query: string | null; value: number | null }
export interface Finding {
  id: string; kind: string; severity: "warning" | "error" | "info"; title: string; about: { kind: string; id: string | null; name: string | null };
  since_ms: number | null; until_ms: number | null; evidence: Evidence[]; advice: string; doc: string | null; href: string | null;
}

const ORDER = ["error", "warning", "info"];
const DOCS = "https://github.com/rayscope/rayscope/blob/main/docs/";

/** The worst first. `href`: the page of the docs that explains it. */
export function readFindings(answer: unknown): Finding[] {
  const rows = (answer as { findings?: Partial<Finding>[] } | null)?.findings ?? [];
  return rows.map((row, i): Finding => ({
    id: row.id ?? String(i), kind: row.kind ?? "", severity: ORDER.includes(row.severity ?? "") ? (row.severity as Finding["severity"]) : "info", title: row.title ?? row.kind ?? "",
    about: { kind: row.about?.kind ?? "", id: row.about?.id ?? null, name: row.about?.name ?? null }, since_ms: row.since_ms ?? null, until_ms: row.until_ms ?? null,
    evidence: (row.evidence ?? []).map((part) => ({ text: part.text ?? "", query: part.query ?? null, value: part.value ?? null })), advice: row.advice ?? "", doc: row.doc ?? null,
    href: row.doc ? DOCS + row.doc.replace(/^docs\//, "") : null,
  })).sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}

/** What was known at a time: later findings were not yet, and what ended later went on. Null: now. */
export const asOf = (all: readonly Finding[], atMs: number | null): Finding[] =>
  atMs === null ? [...all] : all.filter((one) => (one.since_ms ?? 0) <= atMs).map((one) => (one.until_ms !== null && one.until_ms > atMs ? { ...one, until_ms: null } : one));
