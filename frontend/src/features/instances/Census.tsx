import React, { useCallback, useId } from "react";
import type { InstancesMeta, Place } from "../../contract/types";
import { useTicking } from "../../hooks/useTicking";
import type { InstancesState } from "../../server/instances";
import { age } from "../../model/durations";
import { cannotList, cannotListWords, placeTrouble } from "../../model/instances";
import { count } from "../../model/words";
import { Icon } from "../../ui/Icon";
import { Age, Moment } from "../../ui/Time";

interface Props {
  meta: InstancesMeta;
  places: readonly Place[];
  looking: number | null;
  looked: InstancesState["looked"];
  onLook: () => void;
}

/** When the clouds were asked, what they did not tell, and the button that asks them now. */
export const Census = ({ meta, places, looking, looked, onLook }: Props) => {
  const id = useId();
  const busy = looking !== null || meta.taking;
  const asked = places.filter((place) => place.can_list).length;
  const mute = cannotList(places);
  const troubles = places.flatMap((place) => {
    const text = placeTrouble(place);
    return text === null ? [] : [{ place: place.place, text }];
  });
  return (
    <section className="bbl-census" aria-labelledby={id}>
      <h2 className="bbl-sr" id={id}>
        Census
      </h2>
      <div className="bbl-census-line">
        <span data-test="census-taken" data-taken={meta.taken ?? ""}>
          {meta.taken === null ? (
            "No census was taken yet."
          ) : (
            <>
              Census of <Moment at={meta.taken} />, <Age since={meta.taken} /> ago
              {asked > 0 && `, of ${count(asked, "place")}`}.
            </>
          )}
        </span>
        <button
          type="button"
          className={`btn btn-sm btn-outline-secondary${busy ? " disabled" : ""}`}
          aria-disabled={busy}
          data-test="look-now"
          onClick={() => {
            if (!busy) onLook();
          }}
        >
          Look now
        </button>
        <span role="status" data-test="census-progress" data-busy={busy}>
          {looking !== null ? (
            <Asking since={looking} places={asked} />
          ) : meta.taking ? (
            <>
              <Icon name="waiting" /> A census is being taken…
            </>
          ) : looked === "done" ? (
            <>
              <Icon name="ok" /> The clouds were asked.
            </>
          ) : looked !== null ? (
            <>
              <Icon name="failed" /> No census: {looked.message}
            </>
          ) : null}
        </span>
      </div>
      {troubles.length > 0 && (
        <ul className="bbl-troubles" data-test="place-troubles">
          {troubles.map(({ place, text }) => (
            <li key={place}>
              <Icon name="unknown" /> <bdi>{text}</bdi>
            </li>
          ))}
        </ul>
      )}
      {mute.length > 0 && <Mute classes={mute} />}
    </section>
  );
};

/** One line for all, however many: nothing is wrong with them. */
const Mute = ({ classes }: { classes: readonly string[] }) => (
  <details className="bbl-troubles bbl-frames" data-test="cannot-list">
    <summary>
      <Icon name="unknown" /> {cannotListWords(classes)}
    </summary>
    <ul>
      {classes.map((name) => (
        <li key={name}>
          <code>{name}</code>
        </li>
      ))}
    </ul>
  </details>
);

const Asking = ({ since, places }: { since: number; places: number }) => (
  <>
    <Icon name="waiting" /> Asking {places > 0 ? count(places, "place") : "the clouds"}…{" "}
    {/* A screen reader is not told each second. */}
    <span aria-hidden="true">
      <Seconds since={since} />
    </span>
  </>
);

const Seconds = ({ since }: { since: number }) => (
  <span className="bbl-age">{useTicking(useCallback((now: number) => age(since, now), [since]))}</span>
);
