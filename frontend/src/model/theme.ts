/* Which theme the host shows, told by its ground: so it does not matter by what attribute, variable or setting a host
   chooses it, or whether an administrator has set colours of his own. */

/** The colours of a computed style, `rgb(1, 2, 3)` or `rgba(1, 2, 3, 0.5)`; null where nothing is painted. */
function channels(colour: string): [number, number, number] | null {
  const [red, green, blue, alpha] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  if (!colour.startsWith("rgb") || red === undefined || green === undefined || blue === undefined) return null;
  return alpha === 0 ? null : [red, green, blue];
}

/** Whether text on this ground has to be bright. The first of `grounds` that paints anything counts; none: it is white. */
export function isDark(...grounds: string[]): boolean {
  for (const ground of grounds) {
    const found = channels(ground);
    if (found !== null) return (found[0] * 299 + found[1] * 587 + found[2] * 114) / 1000 < 128;
  }
  return false;
}
