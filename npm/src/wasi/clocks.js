// wasi:clocks: time, with timers that are cleared when nobody waits for them. The stock shim's timers keep the process alive.

import { Change, Pollable } from "./poll.js";

/** A longer time overflows setTimeout. */
const MOST_MS = 0x7fffffff;

/** The clock of one instance. */
export class MonotonicClock {
  #timers = new Set();

  now = () => BigInt(Math.round(performance.now() * 1e6));

  /** @param {bigint} nanoseconds */
  subscribeDuration = (nanoseconds) => {
    const timer = new Timer(Number(nanoseconds) / 1e6);
    this.#timers.add(timer);
    const drop = () => {
      timer.clear();
      this.#timers.delete(timer);
    };
    return new Pollable(() => timer.left <= 0, timer.change, drop);
  };

  /** An instance that crashed has not dropped its timers. */
  clear() {
    for (const timer of this.#timers) timer.clear();
    this.#timers.clear();
  }
}

class Timer {
  change = new Change();
  #timeout;

  /** @param {number} left milliseconds */
  constructor(left) {
    this.left = left;
    if (left > 0) this.#pass();
  }

  #pass() {
    const next = Math.min(this.left, MOST_MS);
    this.#timeout = setTimeout(() => {
      this.left -= next;
      if (this.left > 0) this.#pass();
      else this.change.wake();
    }, Math.ceil(next));
  }

  clear() {
    clearTimeout(this.#timeout);
  }
}

export const wallClock = {
  now() {
    const now = Date.now();
    return { seconds: BigInt(Math.floor(now / 1000)), nanoseconds: (now % 1000) * 1e6 };
  },
};
