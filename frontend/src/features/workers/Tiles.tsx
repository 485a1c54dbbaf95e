import React, { memo, useMemo } from "react";
import type { Worker } from "../../contract/types";
import type { View } from "../../model/arrange";
import { tiles } from "../../model/tiles";
import { levelGloss, plain, stateWords } from "../../model/words";
import { levelIcon } from "../../ui/Badge";
import { Icon } from "../../ui/Icon";
import { TileButton } from "../../ui/TileButton";

const LEVELS: Record<string, string> = {
  stuck: "bbl-tile-level-stuck",
  attention: "bbl-tile-level-attention",
  failed: "bbl-tile-level-failed",
  slow: "bbl-tile-level-slow",
  ok: "bbl-tile-level-ok",
};
const STATES: Record<string, string> = {
  substantiated: "bbl-tile-state-substantiated",
  substantiating: "bbl-tile-state-substantiating",
  substantiating_starting: "bbl-tile-state-substantiating_starting",
  insubstantiating: "bbl-tile-state-insubstantiating",
  insubstantiating_substantiating: "bbl-tile-state-insubstantiating_substantiating",
};

interface Props {
  workers: readonly Worker[];
  view: View;
  onView: (change: Partial<View>) => void;
}

/** How many there are of each kind; a press shows these alone, another one all again. */
export const Tiles = memo(({ workers, view, onView }: Props) => {
  const { verdicts, states } = useMemo(() => tiles(workers, view), [workers, view]);
  return (
    <div className="bbl-tiles">
      <div className="bbl-tiles-row" role="group" aria-label="Filter by verdict" data-test="tiles-verdict">
        {verdicts.map((tile) => (
          <TileButton
            key={tile.value}
            tile={tile}
            chosen={view.verdict === tile.value}
            look={LEVELS[tile.value] ?? ""}
            title={levelGloss(tile.value)}
            onChoose={(verdict) => {
              onView({ verdict });
            }}
          >
            <Icon name={levelIcon(tile.value)} /> {plain(tile.value)}
          </TileButton>
        ))}
      </div>
      <div className="bbl-tiles-row bbl-tiles-states" role="group" aria-label="Filter by state" data-test="tiles-state">
        {states.map((tile) => (
          <TileButton
            key={tile.value}
            tile={tile}
            chosen={view.state === tile.value}
            look={STATES[tile.value] ?? ""}
            title={stateWords(tile.value).gloss}
            onChoose={(state) => {
              onView({ state });
            }}
          >
            {stateWords(tile.value).label}
          </TileButton>
        ))}
      </div>
    </div>
  );
});
Tiles.displayName = "Tiles";
