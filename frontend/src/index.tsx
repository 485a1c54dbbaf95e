import React from "react";
import { buildbotSetupPlugin } from "buildbot-plugin-support";
import { Boundary } from "./components/Boundary";
import "./styles.css";
import { MenuIcon } from "./views/MenuIcon";
import { Overview } from "./views/Overview";
import { WorkerPage } from "./views/WorkerPage";

buildbotSetupPlugin((register) => {
  register.registerMenuGroup({
    name: "lifecycle",
    parentName: null,
    caption: "Latent workers",
    icon: <MenuIcon />,
    order: 6,
    route: "/lifecycle",
  });
  register.registerRoute({
    route: "lifecycle",
    group: "lifecycle",
    element: () => (
      <Boundary key="overview">
        <Overview />
      </Boundary>
    ),
  });
  register.registerRoute({
    route: "lifecycle/workers/:workerid",
    group: "lifecycle",
    element: () => (
      <Boundary key="worker">
        <WorkerPage />
      </Boundary>
    ),
  });
});
