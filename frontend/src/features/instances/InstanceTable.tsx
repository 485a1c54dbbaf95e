import React, { memo, useState } from "react";
import { Link } from "react-router-dom";
import type { Instance } from "../../contract/types";
import { costWords, isLoud, standingGloss, standingWords, whyNotWords } from "../../model/instances";
import { episodeRoute } from "../../model/links";
import { Icon } from "../../ui/Icon";
import { InstanceName } from "../../ui/InstanceName";
import { Age, Moment } from "../../ui/Time";
import { EndButton } from "../end/EndButton";
import { CloudSays, WorkerOf } from "../end/InstanceFacts";
import { LOOKS, standingIcon } from "./looks";

interface Props {
  instances: readonly Instance[];
  onEnd: (instance: Instance) => void;
}

/* The browser lays out no more at once; the others are a press away, and the filter finds them all. */
const AT_ONCE = 200;

export const InstanceTable = ({ instances, onEnd }: Props) => {
  const [most, setMost] = useState(AT_ONCE);
  const costs = instances.some((instance) => instance.cost !== null);
  const rest = instances.length - most;
  return (
    <>
      {/* The roles are said again: on a phone the rows are drawn as cards. */}
      <table role="table" className="table table-sm bbl-cards" data-test="instances">
        <caption className="bbl-sr">Instances: nobody's first, then missing ones; the oldest first</caption>
        <thead role="rowgroup">
          <tr role="row">
            <Heading>Standing</Heading>
            <Heading>Instance</Heading>
            <Heading>Worker</Heading>
            <Heading>Where</Heading>
            <Heading>The cloud says</Heading>
            <Heading>Age</Heading>
            {costs && <Heading>Cost so far</Heading>}
            <Heading>Action</Heading>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {instances.slice(0, most).map((instance) => (
            <Row key={instance.id} instance={instance} costs={costs} onEnd={onEnd} />
          ))}
        </tbody>
      </table>
      {rest > 0 && (
        <button
          type="button"
          className="btn btn-sm btn-outline-secondary"
          data-test="instances-more"
          onClick={() => {
            setMost(most + AT_ONCE);
          }}
        >
          Show {Math.min(rest, AT_ONCE).toLocaleString("en")} more of {rest.toLocaleString("en")}
        </button>
      )}
    </>
  );
};

const Heading = ({ children }: { children: React.ReactNode }) => (
  <th role="columnheader" scope="col">
    {children}
  </th>
);

interface RowProps {
  instance: Instance;
  costs: boolean;
  onEnd: (instance: Instance) => void;
}

const Row = memo(({ instance, costs, onEnd }: RowProps) => {
  const { label } = standingWords(instance.standing);
  const loud = isLoud(instance.standing);
  return (
    <tr
      role="row"
      className={LOOKS[instance.standing]?.row ?? ""}
      data-test="instance-row"
      data-instance={instance.name}
      data-standing={instance.standing}
    >
      <td role="cell" data-label="Standing">
        <span className={loud ? "bbl-loud" : "bbl-muted"}>
          <Icon name={standingIcon(instance.standing)} /> {label}
        </span>
        {loud && <span className="bbl-sub">{standingGloss(instance)}</span>}
      </td>
      <th role="rowheader" scope="row" data-label="Instance">
        <InstanceName name={instance.name} link={instance.link} />
        {instance.kind !== null && <span className="bbl-sub">{instance.kind}</span>}
      </th>
      <td role="cell" data-label="Worker">
        <WorkerOf instance={instance} />
        {instance.episode !== null && (
          <span className="bbl-sub">
            <Link to={episodeRoute(instance.episode)}>episode {instance.episode}</Link>
          </span>
        )}
      </td>
      <td role="cell" data-label="Where">
        {instance.place}
      </td>
      <td role="cell" data-label="The cloud says">
        <CloudSays instance={instance} />
      </td>
      <td role="cell" data-label="Age">
        {instance.born === null ? (
          <span className="bbl-muted">not known</span>
        ) : (
          <>
            <Age since={instance.born} />
            <span className="bbl-sub">
              <span className="bbl-nowrap">
                <Moment at={instance.born} />
              </span>
            </span>
          </>
        )}
      </td>
      {costs && (
        <td role="cell" data-label="Cost so far">
          {instance.cost === null ? <span className="bbl-muted">no price</span> : costWords(instance.cost)}
        </td>
      )}
      <td role="cell" data-label="Action">
        {instance.endable ? (
          <EndButton instance={instance} onEnd={onEnd} />
        ) : (
          // What is as it should be stays quiet.
          loud &&
          whyNotWords(instance.why_not) !== "" && <span className="bbl-sub">{whyNotWords(instance.why_not)}</span>
        )}
      </td>
    </tr>
  );
});
Row.displayName = "Row";
