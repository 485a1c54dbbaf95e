/* The views that most readers seldom open, as a script of their own: see src/parts.ts. */

import { EpisodePage } from "./features/episode/EpisodePage";
import { InstancesPage } from "./features/instances/InstancesPage";
import { TimelinePage } from "./features/timeline/TimelinePage";

export const views = { timeline: TimelinePage, instances: InstancesPage, episode: EpisodePage };
export const build = __BUILD__;
