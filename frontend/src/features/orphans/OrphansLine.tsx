import React from "react";
import { Link } from "react-router-dom";
import { count } from "../../model/words";
import { Icon } from "../../ui/Icon";

/** How many entries are open, and the way to them; it keeps its place where there is none. */
export const OrphansLine = ({ open }: { open: number | null }) =>
  open === 0 ? (
    <p className="card card-header bbl-panel" data-test="orphans-none">
      No instance is known to have been left running.
    </p>
  ) : (
    <p className="card card-header bbl-panel" data-test="orphans">
      <span>
        <Icon name="failed" />{" "}
        <Link to="/lifecycle/orphans">{open === null ? "Instances" : count(open, "instance")} may still run</Link>{" "}
        <span className="bbl-muted">and cost money, until somebody has looked</span>
      </span>
    </p>
  );
