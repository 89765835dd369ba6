/** Numbers, times and ids as people read them: a unit and at most three significant digits; the exact value goes on hover. Pure. */

const NS_PER_MS = 1e6;

const STEPS: readonly (readonly [unit: string, ns: number, below: number])[] = [
  ["ns", 1, 999.5],
  ["µs", 1e3, 999.5],
  ["ms", 1e6, 999.5],
  ["s", 1e9, 59.95],
];

/** Three significant digits, without an exponent and without trailing zeros. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return "unknown";
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** A length of time in nanoseconds. */
export function duration(ns: number): string {
  if (ns < 0) return `−${duration(-ns)}`;
  if (ns === 0) return "0 s";
  for (const [unit, size, below] of STEPS) if (ns / size < below) return `${digits(ns / size)} ${unit}`;
  const seconds = Math.round(ns / 1e9);
  if (seconds < 3600) return pair(seconds, 60, "m", 1, "s");
  if (seconds < 86_400) return pair(seconds, 3600, "h", 60, "m");
  return pair(seconds, 86_400, "d", 3600, "h");
}

function pair(seconds: number, size: number, unit: string, part: number, small: string): string {
  const rest = Math.floor((seconds % size) / part);
  return `${Math.floor(seconds / size)} ${unit}${rest ? ` ${rest} ${small}` : ""}`;
}

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** A size in powers of 1024. */
export function bytes(size: number): string {
  const power = Math.abs(size) < 1024 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log2(Math.abs(size)) / 10));
  return `${digits(size / 1024 ** power)} ${BYTE_UNITS[power]}`;
}

/** Every digit, in groups. */
const GROUPED = new Intl.NumberFormat("en-US"); // made once: a number's own toLocaleString looks for its locale each time
export const count = (value: number): string => GROUPED.format(value);

/** A count where room is short: 12.3k, 4.57M. Under 10,000 every digit. */
export function shortCount(value: number): string {
  if (value < 10_000) return count(value);
  for (const [unit, size] of [["k", 1e3], ["M", 1e6], ["G", 1e9]] as const) {
    if (value / size < 999.5) return `${digits(value / size)}${unit}`;
  }
  return value.toExponential(2);
}

/** "1 task", "2 tasks". */
export const some = (value: number, one: string, many = `${one}s`): string => `${count(value)} ${value === 1 ? one : many}`;

export const percent = (share: number): string => `${digits(share * 100)} %`;

/** The exact time: UTC, to the microsecond. */
export function utc(ns: number): string {
  const iso = new Date(ns / NS_PER_MS).toISOString();
  const micros = String(Math.floor(ns / 1e3) % 1e6).padStart(6, "0");
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}.${micros} UTC`;
}

/** The time of a day: 14:03:22. */
export const clock = (ns: number): string => new Date(ns / NS_PER_MS).toISOString().slice(11, 19);

/** The time to the millisecond, with the day if that is another than today's: 11-23 14:03:22.123. UTC. */
export function clockAndDay(ns: number, nowNs: number): string {
  const iso = new Date(ns / NS_PER_MS).toISOString();
  return iso.slice(0, 10) === new Date(nowNs / NS_PER_MS).toISOString().slice(0, 10) ? iso.slice(11, 23) : `${iso.slice(5, 10)} ${iso.slice(11, 23)}`;
}

/** A day and the time: 2026-11-23 14:03:22. */
export function stamp(ns: number): string {
  const iso = new Date(ns / NS_PER_MS).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
}

/** How long ago, in its greatest unit. */
export function ago(ns: number, nowNs: number): string {
  const seconds = Math.floor((nowNs - ns) / 1e9);
  if (seconds < -1) return `in ${greatest(-seconds)}`;
  if (seconds < 1) return "just now";
  return `${greatest(seconds)} ago`;
}

function greatest(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

const SHORT_ID = 10;
/** Ids differ in their first digits, except that of a task or actor: there the job's digits come last. */
export const shortId = (id: string): string => (id.length > SHORT_ID + 4 ? `${id.slice(0, SHORT_ID)}…` : id);

/** Ray's session names hold date and time: those say more than the digits after them. */
export function shortSession(name: string): string {
  const found = /^session_\d{4}-(\d\d-\d\d)_(\d\d)-(\d\d)-(\d\d)_/.exec(name);
  return found ? `${found[1]} ${found[2]}:${found[3]}:${found[4]}` : name;
}

/** A command with its programs and scripts named without their folders: `python train.py --lr 0.1`. */
export const shortCommand = (command: string): string => command.replace(/(^|\s)(?:\.{0,2}\/)[^\s]*\/([^\s/]+)/g, "$1$2");

/** The last line that says something: of a traceback, what was raised. */
export function lastLine(text: string): string {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  return lines.at(-1) ?? "";
}

/** The line of a traceback that names the error: `ValueError: bad row`. */
export function errorLine(text: string): string {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  return lines.findLast((line) => /^[\w.]+(Error|Exception|Exit|Interrupt|Warning)\b.*/.test(line)) ?? lines.at(-1) ?? "";
}
