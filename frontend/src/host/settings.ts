import { buildbotGetSettings } from "buildbot-plugin-support";
import { GROUP, readSettings, type Settings } from "../model/settings";

/** What the reader has set by now. Where the host has no settings, all is as usual. */
export function settings(): Settings {
  try {
    const host = buildbotGetSettings();
    return readSettings(
      host.getChoiceComboSetting(`${GROUP}.range`),
      host.getIntegerSetting(`${GROUP}.page_size`),
      host.getChoiceComboSetting(`${GROUP}.badge`),
    );
  } catch {
    return readSettings(null, null, null);
  }
}
