// wasi:http/outgoing-handler: requests to the store. The stock shim for Node opens a connection for each request and leaks it.

import { Fields, HttpFault, IncomingBody } from "./http.js";
import { Change, Pollable } from "./poll.js";

/** @import { Sender, Answer } from "../door.js" */

/** A request that the component makes. */
export class OutgoingRequest {
  scheme = "https";
  authority = "";
  path = "/";

  /** @param {Fields} headers */
  constructor(headers) {
    this.headers = headers;
  }

  setScheme(scheme) {
    this.scheme = scheme?.tag === "HTTP" ? "http" : "https";
  }

  setAuthority(authority) {
    this.authority = authority ?? "";
  }

  setPathWithQuery(path) {
    this.path = path ?? "/";
  }
}

/** A request on its way. Dropped before its answer, it is cancelled. */
export class FutureIncomingResponse {
  #change = new Change();
  #cancel;
  #result;
  #taken = false;

  /**
   * @param {Promise<IncomingResponse>} answer
   * @param {() => void} cancel
   */
  constructor(answer, cancel) {
    this.#cancel = cancel;
    const ended = (result) => {
      this.#result = result;
      this.#change.wake();
    };
    answer.then(
      (answer) => ended({ tag: "ok", val: answer }),
      (fault) => ended({ tag: "err", val: code(fault) }),
    );
  }

  subscribe() {
    return new Pollable(() => this.#result !== undefined, this.#change);
  }

  get() {
    if (this.#result === undefined) return undefined;
    if (this.#taken) return { tag: "err", val: undefined };
    this.#taken = true;
    return { tag: "ok", val: this.#result };
  }

  [Symbol.dispose]() {
    // The answer that was taken is a resource of its own.
    if (this.#result?.tag !== "ok" || !this.#taken) this.#cancel();
  }
}

/** An answer of the store. Dropped before the end of its body, the rest is not received. */
export class IncomingResponse {
  #answer;
  #cancel;

  /**
   * @param {Answer} answer
   * @param {() => void} cancel
   */
  constructor(answer, cancel) {
    this.#answer = answer;
    this.#cancel = cancel;
  }

  status() {
    return this.#answer.status;
  }

  headers() {
    return Fields.of(this.#answer.headers);
  }

  consume() {
    return new IncomingBody(this.#answer.body, this.#cancel);
  }

  [Symbol.dispose]() {
    this.#cancel();
  }
}

/**
 * The requests of one instance.
 *
 * @param {Sender} send
 */
export function outgoingHandler(send) {
  const underway = new Set();
  return {
    /** @param {OutgoingRequest} request */
    handle(request) {
      const control = new AbortController();
      const cancel = () => {
        underway.delete(cancel);
        control.abort();
      };
      underway.add(cancel);
      const answer = send(request, control.signal).then((answer) => new IncomingResponse(answer, cancel));
      return new FutureIncomingResponse(answer, cancel);
    },

    /** Cancels all that are under way. */
    cancel() {
      for (const cancel of underway) cancel();
    },
  };
}

function code(fault) {
  return fault instanceof HttpFault ? fault.code : { tag: "internal-error", val: String(fault?.message ?? fault) };
}
