/* What the second script (src/views.ts) takes from that of the page. Its views are a script of their own, since most readers seldom
   open them, and the page is loaded with each page of Buildbot's: `vite.config.ts` builds it, and has these modules from here. A
   module that keeps something (`server`, `hooks`, `host`) must be in this list, or there would be two of it. */

import * as settings from "./host/settings";
import * as useAnswer from "./hooks/useAnswer";
import * as useHistory from "./hooks/useHistory";
import * as useInstances from "./hooks/useInstances";
import * as useParam from "./hooks/useParam";
import * as useShared from "./hooks/useShared";
import * as useTarget from "./hooks/useTarget";
import * as useTheme from "./hooks/useTheme";
import * as useTicking from "./hooks/useTicking";
import * as useView from "./hooks/useView";
import * as useWidth from "./hooks/useWidth";
import * as arrange from "./model/arrange";
import * as durations from "./model/durations";
import * as filters from "./model/filters";
import * as links from "./model/links";
import * as looks from "./model/looks";
import * as moments from "./model/moments";
import * as order from "./model/order";
import * as ranges from "./model/ranges";
import * as sparkline from "./model/sparkline";
import * as words from "./model/words";
import * as client from "./server/client";
import * as clock from "./server/clock";
import * as live from "./server/live";
import * as source from "./server/source";
import * as Badge from "./ui/Badge";
import * as Banners from "./ui/Banners";
import * as BuildLink from "./ui/BuildLink";
import * as Choice from "./ui/Choice";
import * as FailedPage from "./ui/FailedPage";
import * as FilterForm from "./ui/FilterForm";
import * as Health from "./ui/Health";
import * as Icon from "./ui/Icon";
import * as InstanceName from "./ui/InstanceName";
import * as LastWords from "./ui/LastWords";
import * as Notice from "./ui/Notice";
import * as Page from "./ui/Page";
import * as ScrollRegion from "./ui/ScrollRegion";
import * as TextFilter from "./ui/TextFilter";
import * as TileButton from "./ui/TileButton";
import * as Time from "./ui/Time";
import * as patterns from "./ui/patterns";
import * as EndButton from "./features/end/EndButton";
import * as EndDialog from "./features/end/EndDialog";
import * as InstanceFacts from "./features/end/InstanceFacts";
import * as OrphanTable from "./features/orphans/OrphanTable";
import * as EpisodeTable from "./features/worker/EpisodeTable";
import * as WhatHappened from "./features/worker/WhatHappened";
import * as Filters from "./features/workers/Filters";
import * as zustand from "zustand";

export const PARTS = {
  "host/settings": settings,
  "hooks/useAnswer": useAnswer,
  "hooks/useHistory": useHistory,
  "hooks/useInstances": useInstances,
  "hooks/useParam": useParam,
  "hooks/useShared": useShared,
  "hooks/useTarget": useTarget,
  "hooks/useTheme": useTheme,
  "hooks/useTicking": useTicking,
  "hooks/useView": useView,
  "hooks/useWidth": useWidth,
  "model/arrange": arrange,
  "model/durations": durations,
  "model/filters": filters,
  "model/links": links,
  "model/looks": looks,
  "model/moments": moments,
  "model/order": order,
  "model/ranges": ranges,
  "model/sparkline": sparkline,
  "model/words": words,
  "server/client": client,
  "server/clock": clock,
  "server/live": live,
  "server/source": source,
  "ui/Badge": Badge,
  "ui/Banners": Banners,
  "ui/BuildLink": BuildLink,
  "ui/Choice": Choice,
  "ui/FailedPage": FailedPage,
  "ui/FilterForm": FilterForm,
  "ui/Health": Health,
  "ui/Icon": Icon,
  "ui/InstanceName": InstanceName,
  "ui/LastWords": LastWords,
  "ui/Notice": Notice,
  "ui/Page": Page,
  "ui/ScrollRegion": ScrollRegion,
  "ui/TextFilter": TextFilter,
  "ui/TileButton": TileButton,
  "ui/Time": Time,
  "ui/patterns": patterns,
  "features/end/EndButton": EndButton,
  "features/end/EndDialog": EndDialog,
  "features/end/InstanceFacts": InstanceFacts,
  "features/orphans/OrphanTable": OrphanTable,
  "features/worker/EpisodeTable": EpisodeTable,
  "features/worker/WhatHappened": WhatHappened,
  "features/workers/Filters": Filters,
  zustand,
};
