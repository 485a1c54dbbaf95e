/* A websocket of which the test is the other end. */

export class FakeSocket {
  static all: FakeSocket[] = [];
  static get last(): FakeSocket {
    return FakeSocket.all.at(-1) as FakeSocket;
  }
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  onerror: (() => void) | null = null;
  sent: { cmd: string; path?: string; _id: number }[] = [];
  closed = false;
  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }
  send(text: string) {
    this.sent.push(JSON.parse(text) as FakeSocket["sent"][number]);
  }
  close() {
    this.closed = true;
  }
  answer(message: unknown) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  answerAll(code = 200) {
    for (const { _id } of this.sent.splice(0)) this.answer({ msg: "OK", code, _id });
  }
  /** The server takes it, and every subscription. */
  open() {
    this.onopen?.();
    this.answerAll();
  }
}
