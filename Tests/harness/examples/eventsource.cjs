// Gives a Node.js that has none the `EventSource` of browsers, as far as examples use it.
class EventSource {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSED = 2;

  #last = "";
  #retry = 3000;
  #abort = new AbortController();

  constructor(url) {
    this.url = url;
    this.readyState = EventSource.CONNECTING;
    setTimeout(() => this.#connect());
  }

  close() {
    this.readyState = EventSource.CLOSED;
    this.#abort.abort();
  }

  async #connect() {
    try {
      const headers = { Accept: "text/event-stream", ...(this.#last && { "Last-Event-ID": this.#last }) };
      const answer = await fetch(this.url, { headers, signal: this.#abort.signal });
      const type = answer.headers.get("content-type") ?? "";
      if (answer.status !== 200 || !type.startsWith("text/event-stream")) return this.#fail();
      this.readyState = EventSource.OPEN;
      let text = "";
      for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
        const events = (text + part).split("\n\n");
        text = events.pop();
        events.forEach((event) => this.#take(event));
      }
    } catch {}
    if (this.readyState === EventSource.CLOSED) return;
    this.readyState = EventSource.CONNECTING;
    this.onerror?.({ type: "error" });
    setTimeout(() => this.#connect(), this.#retry);
  }

  #fail() {
    this.readyState = EventSource.CLOSED;
    this.onerror?.({ type: "error" });
  }

  #take(event) {
    const fields = Object.fromEntries(event.split("\n").map((line) => line.split(/: (.*)/s, 2)));
    if ("id" in fields) this.#last = fields.id;
    if ("retry" in fields) this.#retry = Number(fields.retry);
    const type = fields.event ?? "message";
    if ("data" in fields) this[`on${type}`]?.({ type, data: fields.data, lastEventId: this.#last });
  }
}

globalThis.EventSource ??= EventSource;
