import React from "react";

/** The line of filters above a list. Each acts as it is chosen: there is nothing to send. */
export const FilterForm = ({ children }: { children: React.ReactNode }) => (
  <form
    role="search"
    className="bbl-filters"
    onSubmit={(event) => {
      event.preventDefault();
    }}
  >
    {children}
  </form>
);
