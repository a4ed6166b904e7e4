// wasi:io/poll: what the component can wait for.
//
// The stock shim waits with Promise.race. A promise that stays open for a whole run (a stop) then gathers one reaction for each wait, and memory
// grows with the requests. Here a waiter is removed from every place where it was registered.

/** Lets timers and the network have their turn: an endless chain of ready promises would hold them up. */
const soon = globalThis.setImmediate ?? ((turn) => setTimeout(turn, 0));

/** The waiters for a change. */
export class Change {
  #waiting = new Set();

  /** Wakes all of them; each looks for itself whether it still has to wait. */
  wake() {
    for (const look of [...this.#waiting]) look();
  }

  /** @param {() => void} look */
  add(look) {
    this.#waiting.add(look);
  }

  /** @param {() => void} look */
  remove(look) {
    this.#waiting.delete(look);
  }
}

/** Ready for as long as its source says so, however often it is asked. */
export class Pollable {
  #drop;

  /**
   * @param {() => boolean} ready
   * @param {Change} change
   * @param {() => void} [drop]
   */
  constructor(ready, change, drop) {
    this.ready = ready;
    this.change = change;
    this.#drop = drop;
  }

  async block() {
    await new Waits().poll([this]);
  }

  [Symbol.dispose]() {
    this.#drop?.();
  }
}

/** The waits of one instance, one after the other. */
export class Waits {
  #left = false;
  #forget = () => {};

  /**
   * Waits until some are ready, and says which.
   *
   * @param {Pollable[]} pollables
   * @returns {Promise<Uint32Array>}
   */
  poll = (pollables) =>
    new Promise((resolve) => {
      if (this.#left) return;
      const ready = () => pollables.flatMap((pollable, place) => (pollable.ready() ? [place] : []));
      if (ready().length) {
        soon(() => this.#left || resolve(Uint32Array.from(ready())));
        return;
      }
      const look = () => {
        const found = ready();
        if (!found.length) return;
        this.#forget();
        resolve(Uint32Array.from(found));
      };
      this.#forget = () => {
        for (const pollable of pollables) pollable.change.remove(look);
      };
      for (const pollable of pollables) pollable.change.add(look);
    });

  /** Abandons an instance: its current wait, or its next one, never ends. */
  leave() {
    this.#left = true;
    this.#forget();
  }
}
