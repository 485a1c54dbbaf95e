/** Puts a text on the clipboard. `near` is where a field may stand for a moment: browsers have a clipboard for pages over TLS alone,
 *  and outside of a modal dialog nothing can be selected. */
export async function copyText(text: string, near: HTMLElement): Promise<boolean> {
  try {
    await (navigator.clipboard as Clipboard | undefined)?.writeText(text);
    if ("clipboard" in navigator) return true;
  } catch {
    // Forbidden: the old way may work.
  }
  const field = document.createElement("textarea");
  field.value = text;
  field.readOnly = true;
  field.className = "bbl-sr";
  near.append(field);
  field.select();
  let done = false;
  try {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- there is no other way over plain http
    done = document.execCommand("copy");
  } catch {
    // Said by the answer.
  }
  field.remove();
  return done;
}
