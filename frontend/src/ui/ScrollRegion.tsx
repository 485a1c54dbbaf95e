import React from "react";

/** What may be wider than its place: it scrolls by itself, by the keyboard as well. */
export const ScrollRegion = ({ label, children }: { label: string; children: React.ReactNode }) => (
  <div className="bbl-scroll" tabIndex={0} role="region" aria-label={label}>
    {children}
  </div>
);
