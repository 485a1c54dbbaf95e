/* The badge beside the menu entry. */

export function badgeText(stuck: number): string {
  return stuck > 99 ? "99+" : String(stuck);
}

export function badgeWords(stuck: number): string {
  return stuck === 1 ? "1 stuck worker" : `${stuck} stuck workers`;
}
