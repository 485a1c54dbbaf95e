import React from "react";
import { Link, useLocation, useSearchParams } from "react-router-dom";
import { useFleet } from "../hooks/useShared";
import { cannotStop } from "../model/health";
import { keptFilter } from "../model/address";

const TABS = [
  { route: "/lifecycle", caption: "Workers", keeps: true },
  { route: "/lifecycle/timeline", caption: "Timeline", keeps: true },
  { route: "/lifecycle/stop", caption: "What blocks the stop", keeps: false },
  { route: "/lifecycle/instances", caption: "Instances", keeps: false },
  { route: "/lifecycle/orphans", caption: "Orphans", keeps: false },
  { route: "/lifecycle/actions", caption: "Actions", keeps: false },
];

/** The ways between our views. The filter of the workers goes along where it means something. */
export const Tabs = () => {
  const { pathname } = useLocation();
  const [query] = useSearchParams();
  const { stops, openOrphans, failure } = useFleet();
  const filter = keptFilter(query);
  // What a master waits for changes from second to second: nothing is told of it while nobody answers.
  const known = failure === null ? (stops ?? []) : [];
  const numbers: Record<string, number> = {
    "/lifecycle/stop": cannotStop(known).reduce((sum, stop) => sum + stop.blockers.length, 0),
    "/lifecycle/orphans": openOrphans ?? 0,
  };
  return (
    <nav aria-label="Views of the latent workers" className="bbl-tabs" data-test="tabs">
      <ul className="nav nav-tabs">
        {TABS.map(({ route, caption, keeps }) => (
          <li key={route} className="nav-item">
            <Link
              className={`nav-link${pathname === route ? " active" : ""}`}
              aria-current={pathname === route ? "page" : undefined}
              to={keeps && filter !== "" ? `${route}?${filter}` : route}
            >
              {caption}
              {(numbers[route] ?? 0) > 0 && (
                <span className="bbl-count"> {(numbers[route] ?? 0).toLocaleString("en")}</span>
              )}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
};
