import React from "react";

/* The name of React's two functions in the built page: `vite.config.ts` has every element made by them. A name of one letter, some
   eight hundred times, is a fortieth of the bundle. */

export const h = React.createElement;
export const F = React.Fragment;
