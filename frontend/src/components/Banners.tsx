import React, { useCallback } from "react";
import type { ApiFailure } from "../api/client";
import type { WorkersMeta } from "../api/types";
import { useTicking } from "../hooks/useTicking";
import { behindWords } from "../model/behind";
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

/** What is shown is old, since Buildbot does not answer. */
export const Stale = ({ failure, at }: { failure: ApiFailure; at: number }) => {
  const { title, text } = explainPage(failure);
  return (
    <Notice kind="danger" title={title} test="stale">
      {text} What you see is from {clockTime(at)}.
    </Notice>
  );
};
