/** Ray's states as the eight kinds that have a colour and a mark. Pure. */

export type Kind = "finished" | "running" | "waiting" | "failed" | "lost" | "retried" | "ended";

const KINDS: Record<string, Kind> = {
  FINISHED: "finished", SUCCEEDED: "finished", CREATED: "finished",
  FAILED: "failed", ERROR: "failed", FATAL: "failed",
  LOST: "lost", NIL: "lost",
  LIVE: "running", ALIVE: "running",
  ENDED: "ended", DEAD: "ended", STOPPED: "ended", REMOVED: "ended", INFO: "ended", DEBUG: "ended",
  RESTARTING: "retried", RESCHEDULING: "retried", WARNING: "waiting",
};

export function kindOf(state: string): Kind {
  return KINDS[state] ?? (state.startsWith("RUNNING") ? "running" : "waiting");
}

/** In the order of bars: what is done, then what is bad, then what is to come. */
export const KIND_ORDER: readonly Kind[] = ["finished", "failed", "lost", "running", "retried", "waiting", "ended"];

/** Counts by state as counts by kind, in the order of bars, without zeros. */
export function byKind(counts: Record<string, number>): [Kind, number][] {
  const sums = new Map<Kind, number>();
  for (const [state, n] of Object.entries(counts)) sums.set(kindOf(state), (sums.get(kindOf(state)) ?? 0) + n);
  return KIND_ORDER.filter((kind) => sums.get(kind)).map((kind) => [kind, sums.get(kind) ?? 0]);
}

export const isEnd = (state: string): boolean => ["finished", "failed", "lost", "ended"].includes(kindOf(state));

/** The states that a task passes, grouped into the five waits that people ask about. */
export const PHASES = [
  { key: "args", label: "waiting for arguments", states: ["PENDING_ARGS_AVAIL"] },
  { key: "scheduling", label: "scheduling", states: ["PENDING_NODE_ASSIGNMENT", "PENDING_OBJ_STORE_MEM_AVAIL"] },
  { key: "fetching", label: "fetching", states: ["PENDING_ARGS_FETCH", "SUBMITTED_TO_WORKER", "PENDING_ACTOR_TASK_ARGS_FETCH", "PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY", "GETTING_AND_PINNING_ARGS"] },
  { key: "running", label: "running", states: ["RUNNING", "RUNNING_IN_RAY_GET", "RUNNING_IN_RAY_WAIT"] },
] as const;

export type PhaseKey = (typeof PHASES)[number]["key"] | "storing";
export interface Phase { key: PhaseKey; label: string; startNs: number; endNs: number }

const PHASE_OF = new Map<string, (typeof PHASES)[number]>(PHASES.flatMap((phase) => phase.states.map((state) => [state, phase] as const)));

/**
 * The time in each phase from the first time in each state. The last span ends at `endNs`, or at `nowNs` where the attempt goes on.
 * `executedNs`, where known, parts the run from the storing of its results.
 */
export function phases(times: Record<string, number>, endNs: number | null, nowNs: number, executedNs: number | null = null): Phase[] {
  const steps = Object.entries(times).filter(([state]) => PHASE_OF.has(state)).sort((a, b) => a[1] - b[1]);
  const stop = endNs ?? nowNs;
  const spans: Phase[] = [];
  steps.forEach(([state, startNs], i) => {
    const phase = PHASE_OF.get(state);
    const until = Math.max(startNs, Math.min(stop, steps[i + 1]?.[1] ?? stop));
    const last = spans.at(-1);
    if (!phase) return;
    if (last?.key === phase.key) last.endNs = until;
    else spans.push({ key: phase.key, label: phase.label, startNs, endNs: until });
  });
  const last = spans.at(-1);
  if (last?.key === "running" && endNs !== null && executedNs !== null && executedNs > last.startNs && executedNs < endNs) {
    last.endNs = executedNs;
    spans.push({ key: "storing", label: "storing", startNs: executedNs, endNs });
  }
  return spans;
}
