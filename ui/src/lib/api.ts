/** Asking the server. Every refusal is a Problem with the server's own words; a server that is away is Away. */

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    message: string,
    readonly hint: string | null,
  ) {
    super(message);
  }
}

export class Away extends Error {}

export type Params = Record<string, string | number | boolean | readonly string[] | null | undefined>;

export function apiUrl(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (Array.isArray(value)) for (const one of value) query.append(name, one);
    else if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  }
  return `/api/v1/${path}${query.size ? `?${query}` : ""}`;
}

/** Told of each answer: whether the server was there. */
export const listeners = new Set<(isThere: boolean) => void>();
const heard = (isThere: boolean) => listeners.forEach((listener) => listener(isThere));

let open = 0;
/** Whether an answer is waited for. */
export const isAsking = (): boolean => open > 0;

export async function fetchChecked(url: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  open++;
  try {
    response = await fetch(url, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    heard(false);
    throw new Away("the server does not answer");
  } finally {
    open--;
  }
  heard(true);
  if (response.ok) return response;
  const body = (await response.json().catch(() => ({}))) as { error?: string; message?: string; hint?: string };
  throw new Problem(response.status, body.error ?? "HTTPError", body.message ?? `the server answers ${response.status}`, body.hint ?? null);
}

export async function ask<T>(url: string, signal?: AbortSignal): Promise<T> {
  const response = await fetchChecked(url, signal ? { signal } : {});
  return (await response.json()) as T;
}
