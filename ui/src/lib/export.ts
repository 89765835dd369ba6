/** Rows as CSV and JSON lines; files that the browser saves. Pure but for `save`. */

export type Row = Record<string, unknown>;

const plain = (value: unknown): string => (value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value));

const field = (text: string): string => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export const toCsv = (columns: readonly string[], rows: readonly Row[]): string =>
  [columns, ...rows.map((row) => columns.map((column) => plain(row[column])))].map((cells) => cells.map(field).join(",")).join("\r\n") + "\r\n";

export const toJsonl = (columns: readonly string[], rows: readonly Row[]): string =>
  rows.map((row) => JSON.stringify(Object.fromEntries(columns.map((column) => [column, row[column] ?? null])))).join("\n") + "\n";

export function save(name: string, type: string, content: BlobPart): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
