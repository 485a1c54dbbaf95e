import type { Instance, InstancesMeta, Place, Standing } from "../contract/types";
import { count, plain } from "./words";

/* What runs in the clouds, joined with what the masters know: what each standing is called, what comes first, and what is
   not known. */

interface Words {
  label: string;
  gloss: string;
}

const STANDINGS: Record<string, Words> = {
  nobodys: { label: "nobody's", gloss: "it bears a master's mark, and no worker owns it" },
  missing: { label: "missing", gloss: "the master believes that it is up; the cloud does not have it" },
  unknown: { label: "not known", gloss: "whose it is cannot be told" },
  in_ledger: { label: "may still run", gloss: "an open entry of the orphans names it" },
  starting: { label: "starting", gloss: "for a worker" },
  stopping: { label: "stopping", gloss: "its worker has asked for its end" },
  up: { label: "up", gloss: "a worker owns it" },
};

/** Worst first. */
export const KNOWN_STANDINGS = Object.keys(STANDINGS);

/** Those that somebody has to look at. */
const LOUD = new Set(["nobodys", "missing", "unknown", "in_ledger"]);

export const isLoud = (standing: Standing) => LOUD.has(standing) || !(standing in STANDINGS);

export function standingWords(standing: Standing): Words {
  return STANDINGS[standing] ?? { label: plain(standing), gloss: "" };
}

/** Why its standing is not known, by the server's word for it. */
const WHY: Record<string, string> = {
  several_workers: "more than one worker may own it",
  call_runs_on: "a call that was given up still runs, and may have made it",
  changed_since: "its worker has changed since the cloud was asked",
  no_mark: "it bears no mark of this master",
  may_be_starting: "a start that is under way may have made it",
  ends: "its cloud is ending it",
  other_masters: "it may belong to another master",
  seen_once: "it was seen once; a second look will tell",
};

/** What its standing means, and why it is not known. */
export function standingGloss({ standing, why }: Pick<Instance, "standing" | "why">): string {
  if (standing === "unknown" && why !== null) return WHY[why] ?? plain(why);
  return standingWords(standing).gloss;
}

/** What is not known yet to this page is told among the worst. */
const rank = (standing: Standing) => {
  const place = KNOWN_STANDINGS.indexOf(standing);
  return place === -1 ? 0 : place;
};

/** Worst first; of these, the oldest has cost most. */
const byNeed = (a: Instance, b: Instance) =>
  rank(a.standing) - rank(b.standing) ||
  (a.born ?? Infinity) - (b.born ?? Infinity) ||
  (a.name < b.name ? -1 : Number(a.name > b.name));

export interface InstanceFilter {
  /** Empty for all. */
  standing: string;
  /** In a name, a worker or a place. */
  text: string;
  /** Empty for all. */
  place: string;
}

function matches(instance: Instance, { standing, text, place }: InstanceFilter): boolean {
  if (standing !== "" && instance.standing !== standing) return false;
  if (place !== "" && instance.place !== place) return false;
  const wanted = text.trim().toLowerCase();
  return [instance.name, instance.worker ?? "", instance.place, instance.kind ?? ""].some((each) =>
    each.toLowerCase().includes(wanted),
  );
}

export function arrangeInstances(instances: readonly Instance[], filter: InstanceFilter): Instance[] {
  return instances.filter((instance) => matches(instance, filter)).sort(byNeed);
}

/** How many there are of each standing under the other filters; the worst two keep their place, also at none. */
export function standingTiles(instances: readonly Instance[], filter: InstanceFilter) {
  const counts = new Map<string, number>();
  for (const { standing } of arrangeInstances(instances, { ...filter, standing: "" }))
    counts.set(standing, (counts.get(standing) ?? 0) + 1);
  const always = ["nobodys", "missing", "in_ledger", "up"];
  const values = [...new Set([...KNOWN_STANDINGS, ...counts.keys(), ...(filter.standing ? [filter.standing] : [])])];
  return values
    .map((value) => ({ value, count: counts.get(value) ?? 0 }))
    .filter(({ value, count: n }) => n > 0 || always.includes(value) || value === filter.standing);
}

/** What a place did not tell, as a sentence; null where it told all. */
export function placeTrouble({ place, error }: Place): string | null {
  return error === null ? null : `${place}: ${error.text.replace(/[.;]$/, "")}; what runs there is not known.`;
}

/** The classes of workers whose drivers cannot list: nobody was asked, and nothing failed. */
export function cannotList(places: readonly Place[]): string[] {
  return places.flatMap(({ can_list, class: name }) => (can_list ? [] : [name])).sort();
}

export function cannotListWords(classes: readonly string[]): string {
  const which = count(classes.length, "class of workers", "classes of workers");
  return `${which} cannot list ${classes.length === 1 ? "its" : "their"} instances: what nobody owns is not known of ${classes.length === 1 ? "it" : "them"}.`;
}

/** The line at the top: is there anything that runs for nobody? What was not asked is not told as none. */
export function censusLine(
  instances: readonly Instance[],
  places: readonly Place[],
  meta: InstancesMeta,
): { level: "ok" | "warning" | "unknown"; text: string } {
  const of = (standing: string) => instances.filter((instance) => instance.standing === standing).length;
  const nobodys = of("nobodys");
  const missing = of("missing");
  const ledger = of("in_ledger");
  const parts = [
    ...(nobodys > 0 ? [`${count(nobodys, "instance")} ${nobodys === 1 ? "runs" : "run"} for nobody`] : []),
    ...(missing > 0
      ? [`${count(missing, "instance")} that the master believes up ${missing === 1 ? "is" : "are"} missing`]
      : []),
    ...(ledger > 0 ? [`${count(ledger, "instance")} may still run`] : []),
  ];
  const asked = places.filter((place) => place.can_list);
  const dark = asked.filter((place) => placeTrouble(place) !== null).length;
  const mute = cannotList(places).length;
  const unsure = [
    ...(dark > 0 ? [`what runs in ${dark} of ${count(asked.length, "place")} is not known`] : []),
    ...(mute > 0 ? [`${count(mute, "class of workers", "classes of workers")} cannot be listed`] : []),
  ].join(", and ");
  if (meta.taken === null) {
    const none = "No census was taken yet: this is what the masters know by themselves";
    return { level: "unknown", text: `${[none, ...parts].join("; ")}.` };
  }
  if (parts.length > 0) {
    const text = [...parts, ...(unsure === "" ? [] : [unsure])].join("; ");
    return { level: "warning", text: `${text}.` };
  }
  if (unsure !== "") return { level: "unknown", text: `No instance is known to run for nobody, but ${unsure}.` };
  return {
    level: "ok",
    text:
      instances.length === 0
        ? "No instance runs in any place that was asked."
        : "Each instance that runs belongs to a worker.",
  };
}

const WHY_NOT: Record<string, string> = {
  healthy: "A healthy worker owns it. Stop its build, or let it go idle.",
  not_offered: "Its driver cannot end an instance. End it in the cloud's own console.",
  other_master: "It belongs to another master. Open the page of that master.",
  down: "It does not run any more.",
  gone: "The cloud does not have it any more.",
  missing: "The cloud does not have it: there is nothing to end.",
  starting: "It is starting. It can be ended once its start is over or was released.",
  stopping: "It is being stopped.",
  not_released: "Its worker still waits for it. Force the disconnect first, then end it.",
  being_ended: "An action ends it already.",
  no_name: "Nobody knows its name: it can only be ended in the cloud's own console.",
};

/** Why its end cannot be asked for; empty where that is said already by what it is. */
export function whyNotWords(code: string | null): string {
  return code === null || code === "unknown" || code in WHY ? "" : (WHY_NOT[code] ?? `Not now: ${plain(code)}.`);
}

export function costWords(cost: number): string {
  return cost > 0 && cost < 0.01 ? "under 0.01" : cost.toFixed(2);
}
