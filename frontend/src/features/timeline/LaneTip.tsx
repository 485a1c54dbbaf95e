import React from "react";
import { LANE } from "./paint";

interface TipProps {
  name: string;
  lines: readonly string[];
  left: number;
  top: number;
  full: number;
  outline: { from: number; to: number } | null;
}

/** What is pointed at, in words, and an outline around its bar. */
export const LaneTip = ({ name, lines, left, top, full, outline }: TipProps) => (
  <>
    {outline !== null && (
      <div
        className="bbl-chart-outline"
        style={{ left: outline.from - 1, width: Math.max(3, outline.to - outline.from) + 2, top: top - LANE + 3 }}
      />
    )}
    <div
      className="bbl-chart-tip"
      data-test="lane-tip"
      style={left < full / 2 ? { left: left + 8, top: top + 4 } : { right: full - left + 8, top: top + 4 }}
    >
      <strong>
        <bdi>{name}</bdi>
      </strong>
      {lines.map((line, index) => (
        <div key={index}>{line}</div>
      ))}
    </div>
  </>
);
