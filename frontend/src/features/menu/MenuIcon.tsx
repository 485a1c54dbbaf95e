import React from "react";
import { Boundary } from "../../ui/Boundary";
import { settings } from "../../host/settings";
import { useStuckCount } from "./useStuckCount";
import { badgeText, badgeWords } from "../../model/menu";

/* The host's menu takes a string for the caption and an element for the icon, which it shows in the narrow menu too. So
   the badge is a part of the icon. */

const Drawing = () => (
  <svg viewBox="0 0 16 16" width="1em" height="1em" aria-hidden="true" focusable="false" fill="currentColor">
    <path d="M1 2h14v5H1zm2 1.8v1.4h1.6V3.8zM1 9h8.2a4 4 0 00-.9 5H1zm2 1.8v1.4h1.6v-1.4z" />
    <path fillRule="evenodd" d="M12.2 8.4a3.6 3.6 0 110 7.2 3.6 3.6 0 010-7.2zm-.5 1.4v2.6l1.9 1.1.5-.8-1.4-.8V9.8z" />
  </svg>
);

const Badge = () => {
  const stuck = useStuckCount();
  const words = badgeWords(stuck ?? 0, settings().badge);
  return (
    <span role="status">
      {stuck !== null && stuck > 0 && (
        <span className="bbl-menu-badge" title={words} data-test="menu-badge" data-stuck={stuck}>
          <span aria-hidden="true">{badgeText(stuck)}</span>
          <span className="bbl-sr">{words}</span>
        </span>
      )}
    </span>
  );
};

/* A plain function: the host puts the element into a mobx store, which wraps anything else. */
export function MenuIcon() {
  return (
    <span className="bbl-menu-icon" data-bb-lifecycle="menu">
      <Drawing />
      <Boundary instead={<></>}>
        <Badge />
      </Boundary>
    </span>
  );
}
