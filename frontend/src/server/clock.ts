/* One tick for all ages on the page. Only the smallest components listen, and they draw again only when their own text
   has changed. The time is the server's, since all times shown are: a browser's clock that is wrong changes nothing.
   While the server does not answer, the time stands where its last answer was: what is shown was so then, and nobody
   knows whether it still is. */

const listeners = new Set<() => void>();
let skew = 0;
/** The server's time of its last answer. */
let heard: number | null = null;
let lost = false;
let current = Math.floor(Date.now() / 1000);
let timer: ReturnType<typeof setTimeout> | undefined;

function tick() {
  const now = Date.now() / 1000 + skew;
  current = Math.floor(serverNow());
  listeners.forEach((listener) => {
    listener();
  });
  // Nobody sees the ages of a hidden tab.
  timer = document.hidden ? undefined : setTimeout(tick, 1000 - (now % 1) * 1000 + 5);
}

if (typeof document !== "undefined") {
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && timer === undefined && listeners.size > 0) tick();
  });
}

export function subscribe(listener: () => void) {
  listeners.add(listener);
  if (timer === undefined) {
    current = Math.floor(serverNow());
    timer = setTimeout(tick, 1000 - ((Date.now() / 1000 + skew) % 1) * 1000 + 5);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearTimeout(timer);
      timer = undefined;
    }
  };
}

/** Takes the server's time from an answer that was asked for and came at these times of the browser. A difference that
 *  the way of the answer can explain changes nothing: ages would jump. */
export function setServerTime(serverTime: number, asked: number, came: number) {
  if (!Number.isFinite(serverTime)) return;
  const found = serverTime - (asked + came) / 2;
  if (Math.abs(found - skew) > Math.max(1, came - asked)) skew = found;
  heard = serverTime;
  if (lost) {
    lost = false;
    retick();
  }
}

/** The server does not answer: from now on all ages are as of its last answer, until it answers again. */
export function stopTime() {
  if (lost || heard === null) return;
  lost = true;
  retick();
}

/** The server's time of its last answer; null before the first. */
export function lastHeard(): number | null {
  return heard;
}

function retick() {
  if (timer === undefined) return;
  clearTimeout(timer);
  tick();
}

export function serverNow(): number {
  return lost && heard !== null ? heard : Date.now() / 1000 + skew;
}

/** The time of the last tick, in whole seconds: the same for all that is drawn until the next. */
export function tickTime(): number {
  return current;
}
