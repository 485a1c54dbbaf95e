/* Answers come in another order than they were asked for. What was asked later is newer: an answer is taken unless one to
   a later question has been taken before. (To wait for the very last one would show nothing while questions come quicker
   than their answers.) */

export class Order {
  private asked = 0;
  private taken = 0;

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

  /** Answers to all that was asked so far are not wanted any more. */
  forget() {
    this.taken = ++this.asked;
  }
}
