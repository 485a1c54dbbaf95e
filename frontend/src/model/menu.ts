/* The badge beside the menu entry. */

export function badgeText(stuck: number): string {
  return stuck > 99 ? "99+" : String(stuck);
}

/** `levels` is what is counted. */
export function badgeWords(n: number, levels: readonly string[]): string {
  return `${n} ${levels.join(" or ")} ${n === 1 ? "worker" : "workers"}`;
}
