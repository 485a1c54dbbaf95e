import React, { useMemo } from "react";
import type { Instance, InstancesMeta, Place } from "../../contract/types";
import { useInstances } from "../../hooks/useInstances";
import { useParam } from "../../hooks/useParam";
import { useTarget } from "../../hooks/useTarget";
import { arrangeInstances, censusLine, standingTiles, standingWords } from "../../model/instances";
import { count } from "../../model/words";
import { Choice } from "../../ui/Choice";
import { FailedPage } from "../../ui/FailedPage";
import { FilterForm } from "../../ui/FilterForm";
import { HealthLine } from "../../ui/Health";
import { Icon } from "../../ui/Icon";
import { Notice } from "../../ui/Notice";
import { Page } from "../../ui/Page";
import { TextFilter } from "../../ui/TextFilter";
import { TileButton } from "../../ui/TileButton";
import { EndDialog } from "../end/EndDialog";
import { Census } from "./Census";
import { InstanceTable } from "./InstanceTable";
import { LOOKS, standingIcon } from "./looks";
import { useAsked } from "./useAsked";

const ICONS = { ok: "ok", warning: "failed", unknown: "unknown" } as const;

/** What runs in the clouds for this Buildbot, whose it is, and the way to end it. */
export const InstancesPage = () => {
  const [target, open, close, heading] = useTarget<Instance>();
  const { instances, places, meta, failure, looking, looked, lookNow, reload } = useInstances("");
  const asked = useAsked(instances);
  const shown = target ?? asked.instance;
  const closeAndLook = () => {
    if (target === null) asked.dismiss();
    close();
    reload();
  };
  return (
    <Page
      name="instances"
      title="Instances"
      route="/lifecycle/instances"
      heading={heading}
      failure={instances === null ? null : failure}
    >
      <p className="bbl-lead">
        What runs in the clouds, as they say themselves, joined with what the masters know. Only a census asks the
        clouds.
      </p>
      {instances === null && failure === null && (
        <p className="bbl-loading" role="status" data-test="loading">
          Loading the instances…
        </p>
      )}
      {instances === null && failure !== null && <FailedPage failure={failure} />}
      {instances !== null && meta !== null && (
        <>
          <Line instances={instances} places={places} meta={meta} />
          <Census meta={meta} places={places} looking={looking} looked={looked} onLook={lookNow} />
          {asked.missing !== null && (
            <Notice kind="warning" title="That instance is not in the list" test="end-unknown">
              {asked.missing} is told by no cloud and no master now. It may be gone, or its cloud gave no answer: look
              now to know.{" "}
              <button type="button" className="btn btn-sm btn-link" onClick={asked.dismiss}>
                Close
              </button>
            </Notice>
          )}
          <List instances={instances} taken={meta.taken !== null} onEnd={open} />
        </>
      )}
      {shown !== null && <EndDialog key={shown.id} instance={shown} onClose={closeAndLook} />}
    </Page>
  );
};

interface Known {
  instances: readonly Instance[];
  places: readonly Place[];
  meta: InstancesMeta;
}

const Line = ({ instances, places, meta }: Known) => {
  const { level, text } = censusLine(instances, places, meta);
  return (
    <HealthLine level={level} test="census-line">
      <Icon name={ICONS[level]} /> {text}
    </HealthLine>
  );
};

interface ListProps {
  instances: readonly Instance[];
  /** Whether the clouds were asked at all. */
  taken: boolean;
  onEnd: (instance: Instance) => void;
}

const List = ({ instances, taken, onEnd }: ListProps) => {
  const [standing, setStanding] = useParam("standing");
  const [text, setText] = useParam("q");
  const [place, setPlace] = useParam("place");
  const filter = useMemo(() => ({ standing, text, place }), [standing, text, place]);
  const rows = useMemo(() => arrangeInstances(instances, filter), [instances, filter]);
  const tiles = useMemo(() => standingTiles(instances, filter), [instances, filter]);
  const places = useMemo(
    () => [...new Set([...instances.map((each) => each.place), ...(place === "" ? [] : [place])])].sort(),
    [instances, place],
  );
  const filtered = standing !== "" || text !== "" || place !== "";
  return (
    <>
      <div className="bbl-tiles">
        <div className="bbl-tiles-row" role="group" aria-label="Filter by standing" data-test="tiles-standing">
          {tiles.map((tile) => (
            <TileButton
              key={tile.value}
              tile={tile}
              chosen={standing === tile.value}
              look={LOOKS[tile.value]?.tile ?? ""}
              title={standingWords(tile.value).gloss}
              onChoose={setStanding}
            >
              <Icon name={standingIcon(tile.value)} /> {standingWords(tile.value).label}
            </TileButton>
          ))}
        </div>
      </div>
      <FilterForm>
        <TextFilter label="Name, worker or place" value={text} test="filter-text" onChange={setText} />
        {places.length > 1 && (
          <Choice
            label="Place"
            value={place}
            options={[["", "any"], ...places.map((each) => [each, each] as const)]}
            test="filter-place"
            onChoose={setPlace}
          />
        )}
        <span role="status" className="bbl-shown" data-test="shown">
          {filtered
            ? `${rows.length.toLocaleString("en")} of ${count(instances.length, "instance")}`
            : count(instances.length, "instance")}
        </span>
      </FilterForm>
      {rows.length > 0 ? (
        <InstanceTable instances={rows} onEnd={onEnd} />
      ) : (
        <Notice kind="light" title={filtered ? "No instance matches" : "No instance"} test="no-instances">
          {filtered
            ? "Change the filter to see the others."
            : taken
              ? "No cloud listed one, and no master knows of one."
              : "No master knows of one. What the clouds have is not known before the first census."}
        </Notice>
      )}
    </>
  );
};
