import React from "react";
import type { LifecycleEvent } from "../contract/types";
import { tell } from "../model/events";
import { Icon } from "./Icon";
import { Moment } from "./Time";

/** What the cloud said of an instance that was lost: the reason, and the end of its log. */
export const LastWords = ({ events }: { events: readonly LifecycleEvent[] }) => {
  const said = events.filter((event) => event.kind === "last_words");
  return (
    <>
      {said.map((event) => {
        const { text, detail } = tell(event);
        return (
          <div key={event.id} data-test="last-words">
            <Icon name="failed" /> <bdi className="bbl-text">{text}</bdi>{" "}
            <span className="bbl-sub">
              <Moment at={event.at} />
            </span>
            {detail !== null && (
              <details className="bbl-frames">
                <summary>The end of its log</summary>
                <pre className="bbl-traceback">{detail}</pre>
              </details>
            )}
          </div>
        );
      })}
    </>
  );
};
