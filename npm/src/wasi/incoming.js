// wasi:http/incoming-handler: a request of a Worker's client, and the response that the component writes to it.
//
// The stock shim waits for the whole body before it answers, and for ever if the component never finishes it. Here the response leaves as soon as the
// component sets it, its body follows piece by piece, and a body that is dropped unfinished interrupts the response.

import { Fields, IncomingBody } from "./http.js";
import { OutputStream, closed } from "./streams.js";

/** The most bytes to buffer for the client. */
const MOST_WAITING = 256 << 10;

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/** A request of the client. */
export class IncomingRequest {
  #request;

  /** @param {Request} request */
  constructor(request) {
    this.#request = request;
  }

  method() {
    const { method } = this.#request;
    return METHODS.includes(method) ? { tag: method.toLowerCase() } : { tag: "other", val: method };
  }

  pathWithQuery() {
    const { pathname, search } = new URL(this.#request.url);
    return pathname + search;
  }

  headers() {
    return Fields.of(this.#request.headers);
  }

  consume() {
    return new IncomingBody(this.#request.body);
  }
}

/** Where the component puts its response. */
export class ResponseOutparam {
  /** @param {(response: OutgoingResponse | undefined) => void} set */
  constructor(set) {
    this.set = set;
  }

  /** @param {ResponseOutparam} param */
  static set(param, result) {
    param.set(result.tag === "ok" ? result.val : undefined);
  }
}

/** A response of the component. */
export class OutgoingResponse {
  status = 200;
  #headers;
  outgoing = new OutgoingBody();

  /** @param {Fields} headers */
  constructor(headers) {
    this.#headers = headers;
  }

  setStatusCode(status) {
    this.status = status;
  }

  body() {
    return this.outgoing;
  }

  /** As the platform sends it. */
  response() {
    return new Response(this.outgoing.readable, { status: this.status, headers: this.#headers.pairs() });
  }
}

/** A response's body. */
export class OutgoingBody {
  #controller;
  #ended = false;
  #gone = false;
  #stream = new BodyStream(this);

  constructor() {
    this.readable = new ReadableStream(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#stream.wake(),
        cancel: () => this.hungUp(),
      },
      { highWaterMark: MOST_WAITING, size: (bytes) => bytes.byteLength },
    );
  }

  write() {
    return this.#stream;
  }

  /** The client wants no more. */
  hungUp() {
    this.#gone = true;
    this.#stream.wake();
  }

  room() {
    if (this.#gone || this.#ended) throw closed();
    return Math.max(0, this.#controller.desiredSize ?? 0);
  }

  take(bytes) {
    if (bytes.length) this.#controller.enqueue(bytes);
  }

  /** @param {OutgoingBody} body */
  static finish(body) {
    if (!body.#gone && !body.#ended) body.#controller.close();
    body.#ended = true;
  }

  /** Interrupts a body that was not finished, so that nobody takes it for whole. */
  [Symbol.dispose]() {
    if (!this.#gone && !this.#ended) this.#controller.error(new Error("the run failed; what has come is incomplete"));
    this.#ended = true;
  }
}

/** The body as the component writes to it. */
class BodyStream extends OutputStream {
  #body;

  /** @param {OutgoingBody} body */
  constructor(body) {
    super();
    this.#body = body;
  }

  room() {
    return this.#body.room();
  }

  take(bytes) {
    this.#body.take(bytes);
  }
}
