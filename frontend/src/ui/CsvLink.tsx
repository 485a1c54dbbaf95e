import React from "react";
import { apiUrl } from "../server/client";

/** All that the filter leaves, for a spreadsheet. */
export const CsvLink = ({ what, query }: { what: string; query: string }) => (
  <a className="bbl-csv" href={apiUrl(`${what}.csv${query}`)} download={`${what}.csv`} data-test="csv">
    CSV
  </a>
);
