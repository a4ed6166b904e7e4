// wasi:io/streams and wasi:io/error: bytes in and out, in the component's own pace.

import { Change, Pollable } from "./poll.js";

/** A fault of a stream. */
export class StreamFault {
  /** @param {unknown} cause */
  constructor(cause) {
    this.cause = cause;
  }

  toDebugString() {
    return this.cause instanceof Error ? this.cause.message : String(this.cause);
  }
}

export const closed = () => ({ tag: "closed" });
export const failed = (cause) => ({ tag: "last-operation-failed", val: new StreamFault(cause) });

const NOTHING = new Uint8Array();

/** Bytes from a source that is asked for its next piece when the component asks, and not before. */
export class InputStream {
  #source;
  #drop;
  #piece = NOTHING;
  #asking = false;
  #end;
  #change = new Change();

  /**
   * @param {AsyncIterator<Uint8Array>} [source] none: it has ended
   * @param {() => void} [drop]
   */
  constructor(source, drop) {
    this.#source = source;
    this.#drop = drop;
    if (!source) this.#end = closed();
  }

  read(length) {
    if (!this.#piece.length) {
      if (this.#end) throw this.#end;
      this.#ask();
      return NOTHING;
    }
    const most = Number(length);
    const part = this.#piece.subarray(0, most);
    this.#piece = this.#piece.subarray(most);
    return part;
  }

  blockingRead() {
    throw failed("this stream is read without blocking");
  }

  subscribe() {
    if (!this.#piece.length && !this.#end) this.#ask();
    return new Pollable(() => this.#piece.length > 0 || this.#end !== undefined, this.#change);
  }

  #ask() {
    if (this.#asking) return;
    this.#asking = true;
    const come = ({ done, value }) => {
      this.#asking = false;
      if (done) this.#end = closed();
      // A piece without bytes is no end: the next one may have some.
      else if (value.length) this.#piece = value;
      else return this.#ask();
      this.#change.wake();
    };
    const fail = (fault) => {
      this.#end = failed(fault);
      this.#change.wake();
    };
    this.#source.next().then(come, fail);
  }

  [Symbol.dispose]() {
    this.#end ??= closed();
    this.#piece = NOTHING;
    this.#drop?.();
  }
}

/** Where bytes go. Subclasses define `room` and `take`, and call `wake` when there may be more room, or none any more. */
export class OutputStream {
  #change = new Change();

  /** How many bytes it takes now; it throws when it takes none any more. @returns {number} */
  room() {
    return 1 << 20;
  }

  /** @param {Uint8Array} _bytes gone from the component's memory when this returns */
  take(_bytes) {}

  drop() {}

  wake() {
    this.#change.wake();
  }

  checkWrite() {
    return BigInt(this.room());
  }

  write(bytes) {
    this.room();
    this.take(bytes);
  }

  flush() {
    this.room();
  }

  blockingFlush() {
    this.flush();
  }

  subscribe() {
    const ready = () => {
      try {
        return this.room() > 0;
      } catch {
        // The end is something to find out, too.
        return true;
      }
    };
    return new Pollable(ready, this.#change);
  }

  [Symbol.dispose]() {
    this.drop();
  }
}

/** Passes whole lines to a function. */
export class LineStream extends OutputStream {
  #decoder = new TextDecoder();
  #rest = "";
  #line;

  /** @param {(line: string) => void} line */
  constructor(line) {
    super();
    this.#line = line;
  }

  take(bytes) {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) if (line) this.#line(line);
  }

  /** What has come without the end of its line, as after a crash. */
  drop() {
    if (this.#rest) this.#line(this.#rest);
    this.#rest = "";
  }
}
