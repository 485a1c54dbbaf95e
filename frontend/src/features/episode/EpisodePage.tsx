import React from "react";
import { Link, useParams } from "react-router-dom";
import { settings } from "../../host/settings";
import type { Action, Episode, LaneBuild, LifecycleEvent, Orphan, TimelineAnswer } from "../../contract/types";
import { BuildLink } from "../../ui/BuildLink";
import { FailedPage } from "../../ui/FailedPage";
import { HealthBox } from "../../ui/Health";
import { Icon, outcomeIcon } from "../../ui/Icon";
import { LastWords } from "../../ui/LastWords";
import { OrphanTable } from "../orphans/OrphanTable";
import { Page } from "../../ui/Page";
import { Age, Moment } from "../../ui/Time";
import { WaterfallTable } from "./WaterfallTable";
import { WhatHappened } from "../worker/WhatHappened";
import { Traceback } from "../worker/EpisodeTable";
import { useAnswer } from "../../hooks/useAnswer";
import { useHistory } from "../../hooks/useHistory";
import { short } from "../../model/distribution";
import { duration } from "../../model/durations";
import { queryOf } from "../../model/filters";
import { episodeRoute, workerRoute } from "../../model/links";
import { isBad } from "../../model/sparkline";
import { outcomeWords } from "../../model/words";
import { ScrollRegion } from "../../ui/ScrollRegion";

export const EpisodePage = () => {
  const id = Number(useParams<"episode">().episode);
  return <OneEpisode key={id} id={id} />;
};

const OneEpisode = ({ id }: { id: number }) => {
  const { answer, failure } = useAnswer<{ episodes: Episode[] }>(`episodes/${id}`, null);
  const episode = answer?.episodes[0] ?? null;
  return (
    <Page
      name="episode"
      title={`Episode ${id}${episode === null ? "" : ` of ${episode.worker}`}`}
      route={episodeRoute(id)}
      worker={episode?.worker}
      failure={episode === null ? null : failure}
    >
      {episode === null && failure === null && (
        <p className="bbl-loading" role="status" data-test="loading">
          Loading the episode…
        </p>
      )}
      {episode === null && failure !== null && <FailedPage failure={failure} />}
      {episode !== null && <Told episode={episode} />}
    </Page>
  );
};

const NO_BUILDS: readonly LaneBuild[] = [];

/** The builds in it; the events of a build are not all of the episode that it waited for. */
function useBuilds({ id, workerid, masterid, started_at, ended_at }: Episode): readonly LaneBuild[] {
  const until = ended_at === null ? null : ended_at.toFixed(3);
  const query = queryOf({ since: started_at.toFixed(3), until, workerid, masterid });
  const { answer } = useAnswer<TimelineAnswer>(`timeline${query}`, workerid);
  return answer?.lanes[0]?.episodes.find((episode) => episode.id === id)?.builds ?? NO_BUILDS;
}

const Told = ({ episode }: { episode: Episode }) => {
  const { id, workerid, failure } = episode;
  const { pageSize } = settings();
  const path = `workers/${workerid}/events`;
  const events = useHistory<LifecycleEvent>(
    workerid,
    path,
    "events",
    `?episode=${id}&limit=${Math.max(200, pageSize)}`,
  );
  const actions = useHistory<Action>(workerid, "actions", "actions", `?episode=${id}&limit=${pageSize}`);
  const orphans = useHistory<Orphan>(workerid, "orphans", "orphans", `?episode=${id}&limit=${pageSize}`);
  const builds = useBuilds(episode);
  const hasWords = events.items.some((event) => event.kind === "last_words");
  const level = isBad(episode.outcome) ? "stuck" : "ok";
  return (
    <>
      <HealthBox level={level} test="episode-outcome">
        <span>
          <Icon name={outcomeIcon(episode.outcome)} /> {outcomeWords(episode.outcome)}
          {failure !== null && (
            <>
              : <code>{failure.call}</code> <bdi className="bbl-text">{failure.error}</bdi>
            </>
          )}
        </span>
      </HealthBox>
      {failure?.traceback != null && <Traceback text={failure.traceback} />}
      <Facts episode={episode} />
      {hasWords && (
        <section aria-labelledby="bbl-words">
          <h2 className="h5" id="bbl-words">
            Last words of its instance
          </h2>
          <LastWords events={events.items} />
        </section>
      )}
      <section aria-labelledby="bbl-fall">
        <h2 className="h5" id="bbl-fall">
          What happened when
        </h2>
        <ScrollRegion label="Table of what happened">
          <WaterfallTable episode={episode} events={events.items} builds={builds} />
        </ScrollRegion>
      </section>
      {orphans.items.length > 0 && (
        <section aria-labelledby="bbl-left">
          <h2 className="h5" id="bbl-left">
            What it may have left running
          </h2>
          <OrphanTable orphans={orphans.items} onClosed={orphans.reload} />
        </section>
      )}
      <WhatHappened
        actions={actions}
        events={events}
        noActions="Nobody has forced anything in it."
        noEvents="Nothing else was recorded of it."
      />
    </>
  );
};

/** How long each part of it took, of what is known. */
function tookWords({ start_s, connect_s, up_s, stop_s }: Episode): string {
  const parts: [string, number | null | undefined][] = [
    ["start_instance", start_s],
    ["connecting", connect_s],
    ["up", up_s],
    ["stop_instance", stop_s],
  ];
  return parts.flatMap(([name, seconds]) => (seconds == null ? [] : [`${name} ${short(seconds)}`])).join(", ");
}

const Facts = ({ episode }: { episode: Episode }) => {
  const took = tookWords(episode);
  return (
    <dl className="bbl-facts" data-test="facts">
      <dt>Worker</dt>
      <dd>
        <Link to={workerRoute(episode)}>
          <bdi>{episode.worker}</bdi>
        </Link>{" "}
        and its other episodes
      </dd>
      <dt>Started</dt>
      <dd>
        <Moment at={episode.started_at} />, <Age since={episode.started_at} /> ago
      </dd>
      <dt>Ended</dt>
      <dd>
        {episode.ended_at === null ? (
          "not yet"
        ) : (
          <>
            <Moment at={episode.ended_at} />, after {duration(episode.ended_at - episode.started_at)}
          </>
        )}
      </dd>
      <dt>Connected</dt>
      <dd>
        {episode.connected_at === null ? "never" : `after ${duration(episode.connected_at - episode.started_at)}`}
      </dd>
      {took !== "" && (
        <>
          <dt>Took</dt>
          <dd data-test="took">{took}</dd>
        </>
      )}
      <dt>Asked for by</dt>
      <dd>{episode.build === null ? "no build that is known" : <BuildLink build={episode.build} />}</dd>
      <dt>Builds</dt>
      <dd>{episode.builds === 1 ? "1 finished" : `${episode.builds} finished`}</dd>
      <dt>Instance</dt>
      <dd>
        {episode.instance === null ? (
          "none that is known"
        ) : (
          <code>
            <bdi>{episode.instance}</bdi>
          </code>
        )}
      </dd>
    </dl>
  );
};
