import React from "react";
import { Link } from "react-router-dom";
import type { Instance, LifecycleEvent } from "../../contract/types";
import { useHistory } from "../../hooks/useHistory";
import { costWords, standingGloss, standingWords } from "../../model/instances";
import { workerRoute } from "../../model/links";
import { InstanceName } from "../../ui/InstanceName";
import { LastWords } from "../../ui/LastWords";
import { Age, Moment } from "../../ui/Time";

/** What is known of an instance, for who is about to end it. */
export const InstanceFacts = ({ instance }: { instance: Instance }) => (
  <dl className="bbl-facts" data-test="end-facts">
    <dt>Instance</dt>
    <dd>
      <InstanceName name={instance.name} link={instance.link} />
    </dd>
    <dt>Where</dt>
    <dd>
      {instance.place}
      {instance.kind !== null && `, ${instance.kind}`}
    </dd>
    <dt>Standing</dt>
    <dd>
      {standingWords(instance.standing).label} <span className="bbl-sub">{standingGloss(instance)}</span>
    </dd>
    <dt>Worker</dt>
    <dd>
      <WorkerOf instance={instance} />
    </dd>
    <dt>The cloud says</dt>
    <dd>
      <CloudSays instance={instance} />
    </dd>
    {instance.workerid !== null && instance.episode !== null && (
      <WordsOf workerid={instance.workerid} episode={instance.episode} />
    )}
    {instance.born !== null && (
      <>
        <dt>Age</dt>
        <dd>
          <Age since={instance.born} />, since <Moment at={instance.born} />
          {instance.cost !== null && `; it has cost ${costWords(instance.cost)} so far`}
        </dd>
      </>
    )}
  </dl>
);

/** What its cloud said of it when its worker was lost, if it was. */
const WordsOf = ({ workerid, episode }: { workerid: number; episode: number }) => {
  const query = `?episode=${episode}&kind=last_words&limit=3`;
  const { items } = useHistory<LifecycleEvent>(workerid, `workers/${workerid}/events`, "events", query);
  if (items.length === 0) return null;
  return (
    <>
      <dt>Last words</dt>
      <dd>
        <LastWords events={items} />
      </dd>
    </>
  );
};

export const WorkerOf = ({ instance: { worker, workerid, masterid } }: { instance: Instance }) =>
  worker === null ? (
    <span className="bbl-muted">none that is known</span>
  ) : workerid === null ? (
    <bdi>{worker}</bdi>
  ) : (
    <Link to={workerRoute({ workerid, masterid })}>
      <bdi>{worker}</bdi>
    </Link>
  );

/** Its word, and of when it is. */
export const CloudSays = ({ instance: { state, seen } }: { instance: Instance }) =>
  seen === null ? (
    <span className="bbl-muted">nothing: no census has listed it</span>
  ) : (
    <span>
      {state}, <Age since={seen} /> ago
    </span>
  );
