/** What the server answers. Times are UTC nanoseconds. */

export type Row = Record<string, unknown>;

export interface Page { rows: Row[]; total: number; num_filtered: number; next: string | null; as_of_ns: number | null; session: string | null; warnings: string[] }
export interface Found { rows: Row[] }
export interface Column { name: string; kind: string; level: string; unit: string | null; description: string }
export interface Schema { resources: Record<string, { columns: Column[]; default_sort: string }> }
export interface Version { version: string; pid: number; data: string; url: string; started_ns: number; auth: boolean }

export interface Session {
  session: string; cluster: string | null; state: string; state_reason: string | null; started_ns: number | null; ended_ns: number | null;
  nodes: number; jobs: number; actors: number; tasks: number; failed_tasks: number; command: string | null; exit_code: number | null;
  events: number; quarantined: number; undrained: number | null; dropped: number | null; ray_version: string | null; python_version: string | null;
  last_word_ns: number | null; log_dir: string | null;
}

/** Where a piece of evidence is shown. */
export interface ViewLink { view: string; params: Record<string, unknown> }

export interface FunctionProgress {
  name: string; type: string; tasks: number; finished: number; running: number; waiting: number; failed: number; lost: number; retries: number;
  attempts: number; p50_ns: number | null; p99_ns: number | null; total_ns: number | null; first_ns: number | null; last_ns: number | null;
}
export interface Progress {
  session: string; job_id: string | null; functions: FunctionProgress[];
  tasks: number; finished: number; running: number; waiting: number; failed: number; lost: number; retries: number; attempts: number;
}
export interface Answer {
  session: string; job_id: string | null; submission_id: string | null; status: string; text: string; certain: boolean;
  parts: { text: string; link: ViewLink | null; evidence: string | null }[];
  start_ns: number | null; end_ns: number | null; duration_ns: number | null; entrypoint: string | null; driver_exit_code: number | null;
}
export interface Failure {
  error_type: string | null; first_line: string; name: string | null; count: number; tasks: number; first_ns: number | null; last_ns: number | null;
  nodes: number; workers: number; example: { task_id: string; attempt_number: number; error_message: string | null }; functions: { name: string; count: number }[];
}
export interface Failures { session: string; groups: Failure[]; attempts: number; groups_total: number }
export interface Run {
  session: string; cluster: string | null; job_id: string | null; submission_id: string | null; status: string;
  start_ns: number | null; end_ns: number | null; duration_ns: number | null; this?: boolean;
}
export interface Side { tasks: number; failed: number; retries: number; p50_ns: number | null; p99_ns: number | null; total_ns: number | null }
export interface Comparison {
  this: Run; other: Run | null; warnings: string[];
  functions: { name: string; type: string; this: Side | null; other: Side | null; p50_ratio: number | null; total_ratio: number | null }[];
}
export interface Attention {
  kind: string; severity: "error" | "warning" | "info"; text: string; detail: string | null; count: number | null; since_ns: number | null; link: ViewLink | null;
}
export interface Overview {
  session: string; from_ns: number; to_ns: number; bin_ns: number;
  counts: { t_ns: number[]; running: number[]; pending: number[]; finished: number[]; failed: number[] };
  resources: { name: string; total: number[]; used: number[] }[];
  nodes_alive: number[];
  totals: Record<string, number>;
  attention: Attention[];
}
export interface Hit {
  kind: string; id: string | null; label: string; detail: string | null; session: string; count: number | null; state: string | null;
  time_ns: number | null; link: ViewLink;
}
export interface SearchAnswer { q: string; hits: Hit[]; took_ms: number; complete: boolean }
export interface Facets { column: string; values: { value: string | null; count: number }[]; distinct: number; complete: boolean }
