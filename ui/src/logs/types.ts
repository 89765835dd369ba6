export interface LogLine {
  session: string; time_ns: number; time_is: string; node_id: string; worker_id: string | null; pid: number | null; job_id: string | null; actor_id: string | null; task_id: string | null;
  attempt: number | null; name: string | null; stream: string; source: string; level: string | null; text: string; path: string; file_no: number; offset: number; cut: boolean; context?: boolean;
}
export interface LogPage { lines: LogLine[]; next: string | null; complete: boolean; notes: string[] }
