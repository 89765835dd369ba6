/** What a person chose on this machine. Nothing of it belongs to a view's address. */

export type Theme = "system" | "light" | "dark";

function read(name: string): string | null {
  try {
    return localStorage.getItem(`rayscope.${name}`);
  } catch {
    return null;
  }
}

function write(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`rayscope.${name}`);
    else localStorage.setItem(`rayscope.${name}`, value);
  } catch {
    // no storage: the choice lasts as long as the page
  }
}

const DARK = matchMedia("(prefers-color-scheme: dark)");

class Prefs {
  theme = $state<Theme>((read("theme") as Theme | null) ?? "system");
  isFolded = $state(read("folded") === "1");
  #systemDark = $state(DARK.matches);
  isDark = $derived(this.theme === "system" ? this.#systemDark : this.theme === "dark");

  constructor() {
    DARK.addEventListener("change", () => (this.#systemDark = DARK.matches));
  }

  nextTheme(): void {
    const next = { system: "light", light: "dark", dark: "system" } as const;
    this.theme = next[this.theme];
    write("theme", this.theme === "system" ? null : this.theme);
    if (this.theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.theme;
  }

  fold(): void {
    this.isFolded = !this.isFolded;
    write("folded", this.isFolded ? "1" : null);
  }

  columns(resource: string): string[] | null {
    return read(`columns.${resource}`)?.split(",").filter(Boolean) ?? null;
  }

  keepColumns(resource: string, columns: readonly string[] | null): void {
    write(`columns.${resource}`, columns?.join(",") ?? null);
  }

  recent(): string[] {
    return (read("recent") ?? "").split("\n").filter(Boolean);
  }

  visited(line: string): void {
    write("recent", [line, ...this.recent().filter((other) => other !== line)].slice(0, 8).join("\n"));
  }
}

export const prefs = new Prefs();
