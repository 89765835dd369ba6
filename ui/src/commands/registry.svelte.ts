/** One table of what can be done: it feeds the keys, the palette and the help. */

import { untrack } from "svelte";

export interface Command {
  id: string;
  title: string;
  group: "Go to" | "View" | "Rows" | "Canvas" | "Find";
  /** As `KeyboardEvent.key`, with `Mod+` before it, or two keys with a space: `g j`. */
  keys?: string[];
  run?: () => void;
  /** Whether it makes sense now. */
  when?: () => boolean;
}

class Registry {
  #commands = $state.raw<readonly Command[]>([]);

  all = $derived(this.#commands);

  /** Adds commands until the returned function is called. */
  add(commands: readonly Command[]): () => void {
    untrack(() => (this.#commands = [...this.#commands, ...commands]));
    return () => untrack(() => (this.#commands = this.#commands.filter((one) => !commands.includes(one))));
  }
}

export const registry = new Registry();

let prefix = "";
let prefixTimer: ReturnType<typeof setTimeout> | undefined;
const PREFIX_MS = 1200;

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || target.matches("input:not([type=checkbox]), textarea, select") || target.shadowRoot !== null);

/** The command of a pressed key, run. */
export function pressed(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey) return;
  const mod = event.metaKey || event.ctrlKey;
  if (!mod && isTyping(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  const key = mod ? `Mod+${event.key.toLowerCase()}` : prefix ? `${prefix} ${event.key}` : event.key;
  const found = registry.all.findLast((one) => one.run && one.keys?.includes(key) && (one.when?.() ?? true));
  setPrefix("");
  if (found?.run) {
    event.preventDefault();
    found.run();
  } else if (!mod && registry.all.some((one) => one.keys?.some((keys) => keys.startsWith(`${event.key} `)))) setPrefix(event.key);
}

function setPrefix(key: string): void {
  prefix = key;
  clearTimeout(prefixTimer);
  if (key) prefixTimer = setTimeout(() => (prefix = ""), PREFIX_MS);
}
