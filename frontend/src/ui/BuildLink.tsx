import React from "react";
import { Link } from "react-router-dom";
import type { Build } from "../contract/types";
import { buildLabel, buildRoute } from "../model/links";

export const BuildLink = ({ build }: { build: Build }) => {
  const route = buildRoute(build);
  return route === null ? <>{buildLabel(build)}</> : <Link to={route}>{buildLabel(build)}</Link>;
};
