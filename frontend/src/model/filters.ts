/* The filters of the ledgers, as queries of Buildbot's REST grammar. What is empty asks for nothing. */

export function queryOf(filters: Record<string, string | number | null>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filters)) {
    if (value !== null && value !== "") query.append(name, String(value));
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}
