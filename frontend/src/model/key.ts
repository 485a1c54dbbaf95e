/* Which worker: a name that several masters have is one workerid for all of them, so the master belongs to it. */

export interface Which {
  workerid: number;
  masterid: number;
}

export type Key = string;

export const keyOf = ({ workerid, masterid }: Which): Key => `${workerid}@${masterid}`;

export const isSame = (a: Which, b: Which | undefined) => b !== undefined && keyOf(a) === keyOf(b);

export const workeridOf = (key: Key): number => Number(key.split("@")[0]);
