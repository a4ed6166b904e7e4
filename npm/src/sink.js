// The caller's sink, as a stream of the component's: the tap waits until the sink has taken what came before.

import { TapError } from "./failure.js";
import { OutputStream, closed, failed } from "./wasi/streams.js";

/** Bytes that the component may write before the sink has taken those before. */
const MOST_WAITING = 1 << 20;

const STATE = /^\{"type":"STATE"/;
const NAMED = /^\{"type":"(SCHEMA|RECORD)","stream":"([^"\\]*)"/;

/** Messages on their way to the caller's sink. */
export class Sink extends OutputStream {
  /** The value of the last STATE that the sink has taken. @type {unknown} */
  state;
  /** Why the sink takes no more. @type {{ fault: unknown } | undefined} */
  broken;

  /** Whether it was abandoned because it did not answer. */
  left = false;
  /** Since when it is busy with the lines that it got. @type {number | undefined} */
  since;

  #give;
  #seen;
  #decoder = new TextDecoder();
  #rest = "";

  /**
   * @param {Give} give
   * @param {(kind: string, stream: string) => void} seen
   */
  constructor(give, seen) {
    super();
    this.#give = give;
    this.#seen = seen;
  }

  /** Abandons a sink that does not answer: it gets nothing more. */
  leave() {
    this.left = true;
    this.wake();
  }

  /** @param {unknown} fault */
  break(fault) {
    this.broken ??= { fault };
    this.wake();
  }

  room() {
    if (this.broken) throw failed(this.broken.fault);
    if (this.left) throw closed();
    return this.since === undefined ? MOST_WAITING : 0;
  }

  take(bytes) {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    if (!lines.length) return;
    this.since = performance.now();
    const done = () => {
      this.since = undefined;
      this.wake();
    };
    this.#give(lines, this.#taken).then(done, (fault) => this.break(fault));
  }

  /** Notes that the sink has taken a line. Returns whether it gets the next one. */
  #taken = (line) => {
    if (this.left) return false;
    const named = NAMED.exec(line);
    if (named) this.#seen(named[1], named[2]);
    else if (STATE.test(line)) this.state = JSON.parse(line).value;
    return true;
  };
}

/**
 * Gives lines to a sink, and reports each one that it has taken.
 * @typedef {(lines: string[], taken: (line: string) => boolean) => Promise<void>} Give
 */

/**
 * Gives every kind of sink the same form: how it takes lines, when it closes by itself, and how to release it.
 *
 * @param {import("../types/index.d.ts").Sink} sink
 * @returns {{ give: Give, closed?: Promise<void>, release(): void }}
 */
export function open(sink) {
  if (typeof sink === "function") {
    const give = async (lines, taken) => {
      for (const line of lines) {
        await sink(line);
        if (!taken(line)) return;
      }
    };
    return { give, release() {} };
  }
  if (!(sink instanceof WritableStream)) throw new TapError("sink", "sink must be a function or a WritableStream");
  if (sink.locked) throw new TapError("sink", "the sink is locked: another writer has it");
  const [writer, encoder] = [sink.getWriter(), new TextEncoder()];
  return {
    async give(lines, taken) {
      await writer.write(encoder.encode(`${lines.join("\n")}\n`));
      lines.forEach(taken);
    },
    closed: writer.closed.then(() => Promise.reject(new Error("it was closed"))),
    // The stream is the caller's: it stays open, for what comes after this run.
    release: () => writer.releaseLock(),
  };
}
