/** The command that shows the same in a terminal. Pure. */

export const quoted = (text: string): string => (/^[\w.,:/=@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

export function command(words: readonly string[], options: Record<string, string | number | readonly string[] | null | undefined> = {}): string {
  const parts = ["rayscope", ...words.map(quoted)];
  for (const [name, value] of Object.entries(options)) {
    if (value === null || value === undefined || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) parts.push(`${name.length === 1 ? "-" : "--"}${name}`, quoted(String(one)));
  }
  return parts.join(" ");
}
