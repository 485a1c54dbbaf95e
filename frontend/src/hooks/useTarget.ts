import { useCallback, useRef, useState, type RefObject } from "react";

/** What a dialog is open for, or null; when it closes, the focus goes to the heading if its button is gone by then: the
 *  browser has nowhere else to put it. */
export function useTarget<T>(): [T | null, (target: T) => void, () => void, RefObject<HTMLHeadingElement>] {
  const heading = useRef<HTMLHeadingElement>(null);
  const [target, setTarget] = useState<T | null>(null);
  const close = useCallback(() => {
    setTarget(null);
    requestAnimationFrame(() => {
      if (document.activeElement === document.body) heading.current?.focus();
    });
  }, []);
  return [target, setTarget, close, heading];
}
