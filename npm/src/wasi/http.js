// wasi:http/types: what requests out and requests in have in common.

import { StreamFault, InputStream } from "./streams.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Header fields. */
export class Fields {
  /** @type {[string, Uint8Array][]} */
  #list = [];

  static fromList(list) {
    const fields = new Fields();
    fields.#list = list;
    return fields;
  }

  /** @param {Iterable<[string, string]>} pairs */
  static of(pairs) {
    return Fields.fromList([...pairs].map(([name, value]) => [name.toLowerCase(), encoder.encode(value)]));
  }

  get(name) {
    return this.#list.filter(([own]) => own === name.toLowerCase()).map(([, value]) => value);
  }

  entries() {
    return this.#list;
  }

  /** As text, with names in lower case. @returns {[string, string][]} */
  pairs() {
    return this.#list.map(([name, value]) => [name.toLowerCase(), decoder.decode(value)]);
  }
}

/** A body that comes, from a request or an answer. */
export class IncomingBody {
  #source;
  #drop;

  /**
   * @param {AsyncIterable<Uint8Array> | null | undefined} source
   * @param {() => void} [drop]
   */
  constructor(source, drop) {
    this.#source = source;
    this.#drop = drop;
  }

  stream() {
    return new InputStream(this.#source?.[Symbol.asyncIterator](), this.#drop);
  }

  /** @param {IncomingBody} body */
  static finish(body) {
    body[Symbol.dispose]();
    return new FutureTrailers();
  }

  [Symbol.dispose]() {
    this.#drop?.();
  }
}

/** Trailers, which the component never asks for. */
export class FutureTrailers {}

/** Request-options, which the component never makes. */
export class RequestOptions {}

/** The code behind the fault of a stream, if it is one of HTTP. */
export function httpErrorCode(fault) {
  return fault instanceof StreamFault && fault.cause instanceof HttpFault ? fault.cause.code : undefined;
}

/** A fault that has one of wasi:http's codes. */
export class HttpFault extends Error {
  /** @param {{ tag: string, val?: unknown }} code */
  constructor(code) {
    super(code.tag);
    this.code = code;
  }
}
