// What the first load costs: the document's own scripts and styles with all that they import at once, gzipped. Fails over the budget.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_BYTES = 80 * 1024;
const FOLDER = new URL("../../src/rayscope/server/static/", import.meta.url);
const PAGES = ["src/pages/Fleet.svelte", "src/pages/Overview.svelte", "src/pages/Job.svelte", "src/pages/Tasks.svelte"];

const manifest = JSON.parse(readFileSync(new URL("manifest.json", FOLDER), "utf8"));
const gzipped = (file) => gzipSync(readFileSync(new URL(file, FOLDER)), { level: 4 }).length;

/** The files that one entry needs before it can run. */
function files(key, found = new Set()) {
  const chunk = manifest[key];
  if (!chunk || found.has(chunk.file)) return found;
  found.add(chunk.file);
  for (const file of chunk.css ?? []) found.add(file);
  for (const other of chunk.imports ?? []) files(other, found);
  return found;
}

let failed = false;
for (const page of PAGES) {
  const needed = files(page, files("index.html", new Set(["theme.js"])));
  const size = [...needed].reduce((sum, file) => sum + gzipped(file), 0);
  console.log(`${page.padEnd(32)} ${(size / 1024).toFixed(1)} KiB gzipped in ${needed.size} files`);
  failed ||= size > BUDGET_BYTES;
}
if (failed) {
  console.error(`error: a first load is over ${BUDGET_BYTES / 1024} KiB`);
  process.exit(1);
}
