/* What the script of the timeline takes from that of the page. It is a script of its own, since most readers never open that view, and
   the page is loaded with each page of Buildbot's: `vite.config.ts` builds it, and has these modules from here. A module
   that keeps something (`server`, `hooks`, `host`) must be in this list, or there would be two of it. */

import * as settings from "./host/settings";
import * as useShared from "./hooks/useShared";
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
import * as FailedPage from "./ui/FailedPage";
import * as Icon from "./ui/Icon";
import * as Notice from "./ui/Notice";
import * as Page from "./ui/Page";
import * as ScrollRegion from "./ui/ScrollRegion";
import * as patterns from "./ui/patterns";
import * as Filters from "./features/workers/Filters";
import * as zustand from "zustand";

export const PARTS = {
  "host/settings": settings,
  "hooks/useShared": useShared,
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
  "ui/FailedPage": FailedPage,
  "ui/Icon": Icon,
  "ui/Notice": Notice,
  "ui/Page": Page,
  "ui/ScrollRegion": ScrollRegion,
  "ui/patterns": patterns,
  "features/workers/Filters": Filters,
  zustand,
};
