import React, { useCallback } from "react";
import { lastHeard } from "../server/clock";
import type { ApiFailure } from "../server/client";
import type { WorkersMeta } from "../contract/types";
import { useTicking } from "../hooks/useTicking";
import { behindWords } from "../model/behind";
import { clocksWords } from "../model/clocks";
import { clockTime } from "../model/moments";
import { explainPage } from "../model/refusals";
import { Notice } from "./Notice";

/** The recorder has not written all that it saw. */
export const Behind = ({ meta }: { meta: WorkersMeta }) => {
  const text = useTicking(useCallback((now: number) => behindWords(meta, now) ?? "", [meta]));
  if (text === "") return null;
  return (
    <Notice kind="warning" title="Not up to date" test="behind">
      {text} The log of the master says why.
    </Notice>
  );
};

/** A master's clock is wrong. */
export const Clocks = ({ meta }: { meta: WorkersMeta }) => {
  const text = clocksWords(meta);
  if (text === null) return null;
  return (
    <Notice kind="warning" title="Clocks differ" test="clocks">
      {text} GET /masters says which one.
    </Notice>
  );
};

/** What is shown is old, since Buildbot does not answer. All ages on the page are as of the same moment. */
export const Stale = ({ failure }: { failure: ApiFailure }) => {
  const { title, text } = explainPage(failure);
  const at = lastHeard();
  return (
    <Notice kind="danger" title={title} test="stale">
      {text} {at !== null && `What you see is from ${clockTime(at)}, and so is each "for" and "ago".`}
    </Notice>
  );
};
