// What the tests share: the store's address, and a proxy in front of it that counts and interferes.

import { once } from "node:events";
import http from "node:http";
import https from "node:https";

/** A config for the store that TAP_BIGCOMMERCE_TEST_STORE names: a simulated one on this machine. */
export const store = JSON.parse(process.env.TAP_BIGCOMMERCE_TEST_STORE ?? "null");
/** The same for a store that takes longer to read. */
export const large = JSON.parse(process.env.TAP_BIGCOMMERCE_TEST_LARGE_STORE ?? "null");
if (!store) throw new Error("set TAP_BIGCOMMERCE_TEST_STORE to a simulated store's config; tests/real/node.py does");

/** Waits until this is so, for a minute at most. */
export async function until(what, is) {
  const end = Date.now() + 60_000;
  while (!(await is())) {
    if (Date.now() > end) throw new Error(`not within a minute: ${what}`);
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

/**
 * A way to the store. `meddle` gets a request and its response, and may answer it itself: with `{ status, headers, body }`, or with "stall" for no answer at all.
 */
export class Proxy {
  /** Requests so far. */
  requests = 0;
  /** Connections that are open now, and at most. */
  open = 0;
  most = 0;
  /** Requests that are waited for now, and at most. */
  waiting = 0;
  mostWaiting = 0;
  /** @type {(request: http.IncomingMessage, response: http.ServerResponse) => any} */
  meddle;
  /** The config of the store behind it. */
  target;

  #server;
  #scheme;
  #agent = new http.Agent({ keepAlive: true });

  /** @param {{ key: string, cert: string }} [tls] */
  constructor(tls) {
    const answer = (request, response) => this.#answer(request, response);
    this.#server = tls ? https.createServer(tls, answer) : http.createServer(answer);
    this.#scheme = tls ? "https" : "http";
  }

  static async start(meddle = () => undefined, target = store, tls = undefined) {
    const proxy = Object.assign(new Proxy(tls), { meddle, target });
    // A connection stays for as long as its client wants.
    proxy.#server.keepAliveTimeout = 0;
    proxy.#server.on("connection", (socket) => {
      proxy.open += 1;
      proxy.most = Math.max(proxy.most, proxy.open);
      socket.on("close", () => (proxy.open -= 1));
    });
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url() {
    return `${this.#scheme}://127.0.0.1:${this.#server.address().port}`;
  }

  /** The store's config, by this way. */
  get config() {
    return { ...this.target, api_url: this.url };
  }

  /** Waits until no request has come for a while, and gives their number. */
  async rests() {
    let before = -1;
    let since = Date.now();
    await until("no more requests", () => {
      if (this.requests !== before) [before, since] = [this.requests, Date.now()];
      return Date.now() - since > 1000;
    });
    return this.requests;
  }

  async [Symbol.asyncDispose]() {
    this.#agent.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request, response) {
    this.requests += 1;
    this.waiting += 1;
    this.mostWaiting = Math.max(this.mostWaiting, this.waiting);
    let answered = false;
    // Before the client can know of it.
    const ends = () => {
      if (!answered) this.waiting -= 1;
      answered = true;
    };
    response.on("close", ends);
    const own = await this.meddle(request, response);
    if (own === "stall") return;
    if (own) {
      ends();
      response.writeHead(own.status, own.headers ?? {}).end(own.body ?? "");
      return;
    }
    const forward = http.request(this.target.api_url + request.url, { agent: this.#agent, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders);
      answer.on("end", ends).pipe(response);
    });
    forward.on("error", () => response.destroy());
    response.on("close", () => forward.destroy());
    forward.end();
  }
}

/** Messages, gathered. */
export class Messages {
  lines = [];

  take = (line) => {
    this.lines.push(line);
  };

  /** Adds whole lines from a body. */
  static of(text) {
    const messages = new Messages();
    messages.lines = text.split("\n").filter(Boolean);
    return messages;
  }

  get messages() {
    return this.lines.map((line) => JSON.parse(line));
  }

  /** The records of each stream, as text without the time of extraction, in order. */
  get records() {
    const found = {};
    for (const { type, stream, record } of this.messages) if (type === "RECORD") (found[stream] ??= []).push(JSON.stringify(record));
    for (const list of Object.values(found)) list.sort();
    return found;
  }

  get counts() {
    return Object.fromEntries(Object.entries(this.records).map(([stream, list]) => [stream, list.length]));
  }

  get state() {
    return this.messages.findLast(({ type }) => type === "STATE")?.value;
  }

  /** The records of several runs, each once. */
  static union(...runs) {
    const all = {};
    for (const { records } of runs) for (const [stream, list] of Object.entries(records)) all[stream] = [...new Set([...(all[stream] ?? []), ...list])].sort();
    return all;
  }
}
