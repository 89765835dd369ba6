/** A colour as a canvas takes it: `var(--x)` and `light-dark()` are resolved by the browser. */
export function resolve(colour: string): string {
  const probe = document.createElement("span");
  probe.style.color = colour;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** The same, so translucent. */
export const faded = (resolved: string, alpha: number): string =>
  (/^rgba?\(/.test(resolved) ? resolved.replace(/^rgba?\(([^,)]+,[^,)]+,[^,)]+).*\)$/, `rgba($1, ${alpha})`) : resolved.replace(/\)$/, ` / ${alpha})`));
