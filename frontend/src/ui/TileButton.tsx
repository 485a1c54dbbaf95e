import React from "react";
import type { Tile } from "../model/tiles";

interface Props {
  tile: Tile;
  chosen: boolean;
  /** A class for its colour. */
  look: string;
  title: string;
  onChoose: (value: string) => void;
  children: React.ReactNode;
}

/** How many there are of a kind; a press shows these alone, another one all again. */
export const TileButton = ({ tile, chosen, look, title, onChoose, children }: Props) => (
  <button
    type="button"
    className={`bbl-tile ${look}${tile.count === 0 ? " bbl-tile-none" : ""}`}
    aria-pressed={chosen}
    title={title}
    data-test="tile"
    data-value={tile.value}
    data-count={tile.count}
    onClick={() => {
      onChoose(chosen ? "" : tile.value);
    }}
  >
    <strong>{tile.count.toLocaleString("en")}</strong> <span>{children}</span>
  </button>
);
