import React, { useCallback } from "react";
import { Link } from "react-router-dom";
import type { Episode } from "../../contract/types";
import { useTicking } from "../../hooks/useTicking";
import { duration } from "../../model/durations";
import { episodeRoute } from "../../model/links";
import { outcomeWords, stateWords } from "../../model/words";
import { BuildLink } from "../../ui/BuildLink";
import { Icon, outcomeIcon } from "../../ui/Icon";
import { Age, Moment } from "../../ui/Time";
import { ScrollRegion } from "../../ui/ScrollRegion";

/** The timeline in words. */
export const EpisodeTable = ({ episodes }: { episodes: readonly Episode[] }) => (
  <ScrollRegion label="Table of episodes">
    <table className="table table-sm" data-test="episodes">
      <caption className="bbl-sr">Episodes, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Episode</th>
          <th scope="col">Started</th>
          <th scope="col">Took</th>
          <th scope="col">Outcome</th>
          <th scope="col">Asked by</th>
          <th scope="col">Phases</th>
        </tr>
      </thead>
      <tbody>
        {episodes.map((episode) => (
          <tr key={episode.id} data-test="episode-row" data-episode={episode.id}>
            <th scope="row">
              <Link to={episodeRoute(episode.id)}>{episode.id}</Link>
            </th>
            <td>
              <Moment at={episode.started_at} />
            </td>
            <td>
              {episode.ended_at === null ? (
                <Age since={episode.started_at} />
              ) : (
                duration(episode.ended_at - episode.started_at)
              )}
            </td>
            <td>
              <OutcomeOf episode={episode} />
            </td>
            <td>
              {episode.build !== null && <BuildLink build={episode.build} />}
              <span className="bbl-sub">
                {episode.builds === 1 ? "1 build finished" : `${episode.builds} builds finished`}
              </span>
            </td>
            <td>
              <PhasesOf episode={episode} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </ScrollRegion>
);

const OutcomeOf = ({ episode }: { episode: Episode }) => {
  const { outcome, failure } = episode;
  return (
    <>
      <Icon name={outcomeIcon(outcome)} /> {outcomeWords(outcome)}
      {failure !== null && (
        <span className="bbl-sub">
          <code>{failure.call}</code>: <bdi className="bbl-text">{failure.error}</bdi>
        </span>
      )}
      {failure?.traceback != null && <Traceback text={failure.traceback} />}
      {episode.instance !== null && <span className="bbl-sub">instance {episode.instance}</span>}
    </>
  );
};

export const Traceback = ({ text }: { text: string }) => (
  <details>
    <summary>Traceback</summary>
    <pre className="bbl-traceback">{text}</pre>
  </details>
);

const PhasesOf = ({ episode }: { episode: Episode }) => {
  const text = useTicking(
    useCallback(
      (now: number) =>
        episode.phases
          .map(({ state, since, until }) => {
            const seconds = (until ?? episode.ended_at ?? now) - since;
            return `${stateWords(state).label} ${duration(seconds)}`;
          })
          .join(" · "),
      [episode],
    ),
  );
  return <span className="bbl-phases">{text}</span>;
};
