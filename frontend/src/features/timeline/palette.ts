const NAMES = ["text", "ground", "outline", "bad", "now", "build", "force", "release", "master"] as const;

/** The colours of a canvas: those of styles.css (`--bbl-text` and so on), so that both follow the theme. */
export type Palette = Record<(typeof NAMES)[number], string>;

export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--bbl-${name}`).trim()])) as Palette;
}
