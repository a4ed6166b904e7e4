// What others see of a run: its log, its figures, how far it is.

const LEVELS = ["INFO", "WARNING", "CRITICAL"];
const METRIC = "METRIC: ";

/** Counters that a run keeps while it is under way. */
export class Progress {
  #requests = 0;
  #inFlight = 0;
  #bytes = 0;
  #records = 0;
  /** @type {string | undefined} */
  #stream;
  /** @type {Map<string, number>} */
  #streams = new Map();

  /** The counters now. */
  snapshot() {
    const streams = Object.fromEntries(this.#streams);
    return { requests: this.#requests, inFlight: this.#inFlight, bytes: this.#bytes, records: this.#records, stream: this.#stream, streams };
  }

  /** Counts a request, in flight until the function that it returns is called. */
  _request() {
    this.#requests += 1;
    this.#inFlight += 1;
    let open = true;
    return () => {
      if (open) this.#inFlight -= 1;
      open = false;
    };
  }

  /** @param {number} bytes */
  _received(bytes) {
    this.#bytes += bytes;
  }

  /** Says whether the stream is new. @param {string} stream @param {boolean} isRecord */
  _message(stream, isRecord) {
    const before = this.#streams.get(stream);
    this.#stream = stream;
    this.#streams.set(stream, (before ?? 0) + Number(isRecord));
    this.#records += Number(isRecord);
    return before === undefined;
  }
}

/**
 * Sends a run's events to the handler. If the handler throws, the caller sees the error, and the run continues.
 *
 * @param {((event: import("../types/index.d.ts").Event) => void) | undefined} handler
 */
export function sender(handler) {
  if (!handler) return () => {};
  return (event) => {
    try {
      handler(event);
    } catch (fault) {
      queueMicrotask(() => {
        throw fault;
      });
    }
  };
}

/**
 * Turns a line of the component's log into an event. A line without a level was not written by the tap: it is a warning.
 *
 * @param {string} line
 * @returns {import("../types/index.d.ts").Event}
 */
export function logged(line) {
  // A line cannot steer a terminal.
  const printable = line.replace(/\p{Cc}/gu, " ").trimEnd();
  const level = LEVELS.find((level) => printable.startsWith(`${level} `));
  if (!level) return { kind: "log", level: "WARNING", text: printable };
  const text = printable.slice(level.length + 1);
  if (text.startsWith(METRIC)) {
    try {
      return { kind: "metric", metric: JSON.parse(text.slice(METRIC.length)) };
    } catch {
      // Not a metric: treat it like any other line.
    }
  }
  return { kind: "log", level: /** @type {"INFO" | "WARNING" | "CRITICAL"} */ (level), text };
}
