/* The one rule against late answers. Answers come in another order than they were asked for. What was asked later is
   newer: an answer is taken unless one to a later question has been taken before. (To wait for the very last one would
   show nothing while questions come quicker than their answers.)

   A question is about all, or about some of its parts: single workers of the fleet, single lanes of the timeline. An
   answer about all is newer than what was asked before of any part. */

export class Order {
  private asked = 0;
  private taken = 0;
  private readonly parts = new Map<number, number>();

  /** The number of a new question. */
  ask(): number {
    return ++this.asked;
  }

  /** Whether its answer is to be taken. */
  takes(question: number): boolean {
    if (question < this.taken) return false;
    this.taken = question;
    return true;
  }

  /** Whether what the answer says of this part is to be taken. */
  takesPart(question: number, part: number): boolean {
    if (question < Math.max(this.taken, this.parts.get(part) ?? 0)) return false;
    this.parts.set(part, question);
    return true;
  }

  /** The parts of which the answer to a later question is known; the others are as this answer about all says. */
  newerParts(question: number): number[] {
    for (const [part, asked] of this.parts) if (asked < question) this.parts.delete(part);
    return [...this.parts.keys()];
  }

  /** Another question now: answers to all that was asked so far are not wanted any more. */
  forget() {
    this.taken = ++this.asked;
  }
}
