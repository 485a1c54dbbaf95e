import React from "react";
import { Link } from "react-router-dom";
import type { Worker } from "../../contract/types";
import { workerRoute } from "../../model/links";
import { levelIcon } from "../../ui/Badge";
import { Icon } from "../../ui/Icon";
import { LANE } from "./paint";

const LEVELS: Record<string, string> = {
  stuck: "bbl-lane-stuck",
  attention: "bbl-lane-attention",
  failed: "bbl-lane-failed",
  slow: "bbl-lane-slow",
};

/** The name beside a lane. */
export const LaneLabel = React.memo(({ worker, top, width }: { worker: Worker; top: number; width: number }) => (
  <span
    className={`bbl-lane-label ${LEVELS[worker.verdict.level] ?? ""}`}
    style={{ top, width: width - 6, height: LANE }}
    title={worker.verdict.level === "ok" ? worker.name : `${worker.name}: ${worker.verdict.reason}`}
  >
    {worker.verdict.level !== "ok" && (
      <>
        <Icon name={levelIcon(worker.verdict.level)} /> <span className="bbl-sr">{worker.verdict.level}</span>
      </>
    )}
    <Link to={workerRoute(worker)}>
      <bdi>{worker.name}</bdi>
    </Link>
  </span>
));
LaneLabel.displayName = "LaneLabel";
