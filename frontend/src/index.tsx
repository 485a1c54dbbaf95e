import React from "react";
import { buildbotSetupPlugin } from "buildbot-plugin-support";
import { Boundary } from "./ui/Boundary";
import { SETTINGS } from "./model/settings";
import { ActionsPage } from "./features/actions/ActionsPage";
import { MenuIcon } from "./features/menu/MenuIcon";
import { OrphansPage } from "./features/orphans/OrphansPage";
import { Overview } from "./features/workers/Overview";
import { StopPage } from "./features/stop/StopPage";
import { EpisodeRoute, InstancesRoute, TimelineRoute } from "./features/menu/LaterView";
import { PARTS } from "./parts";
import { WorkerPage } from "./features/worker/WorkerPage";

// What more than one feature has comes first: a feature may say more of it.
import "./ui/theme.css";
import "./ui/ui.css";
import "./features/force/force.css";
import "./features/orphans/orphans.css";
import "./features/instances/instances.css";
import "./features/stop/stop.css";
import "./features/worker/worker.css";
import "./features/workers/workers.css";
import "./features/episode/episode.css";
import "./features/timeline/timeline.css";
import "./features/menu/menu.css";

const ROUTES: [route: string, view: React.ComponentType][] = [
  ["lifecycle", Overview],
  ["lifecycle/timeline", TimelineRoute],
  ["lifecycle/stop", StopPage],
  ["lifecycle/instances", InstancesRoute],
  ["lifecycle/orphans", OrphansPage],
  ["lifecycle/actions", ActionsPage],
  ["lifecycle/workers/:workerid", WorkerPage],
  ["lifecycle/episodes/:episode", EpisodeRoute],
];

(window as { buildbotLifecycleParts?: typeof PARTS }).buildbotLifecycleParts = PARTS;

buildbotSetupPlugin((register) => {
  register.registerMenuGroup({
    name: "lifecycle",
    parentName: null,
    caption: "Latent workers",
    icon: <MenuIcon />,
    order: 6,
    route: "/lifecycle",
  });
  // From Buildbot 4.0 on; without it all is as usual.
  (register as Partial<typeof register>).registerSettingGroup?.(SETTINGS);
  for (const [route, View] of ROUTES) {
    register.registerRoute({
      route,
      group: "lifecycle",
      element: () => (
        <Boundary key={route}>
          <View />
        </Boundary>
      ),
    });
  }
});
