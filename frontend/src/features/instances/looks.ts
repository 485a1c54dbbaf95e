import { isLoud } from "../../model/instances";
import type { IconName } from "../../ui/Icon";

interface Look {
  icon: IconName;
  /** Classes of its tile and its row. */
  tile: string;
  row: string;
}

export const LOOKS: Record<string, Look> = {
  nobodys: { icon: "stuck", tile: "bbl-tile-level-stuck", row: "bbl-instance-nobodys" },
  missing: { icon: "failed", tile: "bbl-tile-level-failed", row: "bbl-instance-missing" },
  unknown: { icon: "unknown", tile: "", row: "bbl-instance-ledger" },
  in_ledger: { icon: "failed", tile: "bbl-tile-level-slow", row: "bbl-instance-ledger" },
  starting: { icon: "waiting", tile: "bbl-tile-state-substantiating", row: "" },
  stopping: { icon: "waiting", tile: "bbl-tile-state-insubstantiating", row: "" },
  up: { icon: "ok", tile: "bbl-tile-state-substantiated", row: "" },
};

export const standingIcon = (standing: string): IconName =>
  LOOKS[standing]?.icon ?? (isLoud(standing) ? "unknown" : "ok");
