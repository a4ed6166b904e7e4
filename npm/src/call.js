// A call of the component: an instance of its own, what it may reach, and what is left when it ends.

import { account } from "./account.js";
import { door } from "./door.js";
import { logged, Progress, sender } from "./events.js";
import { failure, redactor, TapError } from "./failure.js";
import { instance } from "./instance.js";
import { Connections } from "./node/connections.js";
import { cores } from "./node/component.js";
import { Change, Pollable } from "./wasi/poll.js";

const MOST_CONNECTIONS = 1024;

/** @typedef {ReturnType<typeof account>} Account */

/**
 * Calls the component without a network.
 *
 * @template T
 * @param {(connector: any) => T} use
 * @returns {Promise<Awaited<T>>}
 */
export async function offline(use) {
  const send = door({ prefix: "/", fromComponent: [], headers: [], transport: () => Promise.reject() });
  return called({ send, log: () => {}, redact: (text) => text }, use);
}

/** The tap's settings, by name; the same for each call. */
let settings;

/** @param {any} options */
export async function accountOf({ config, allowedOrigins }) {
  settings ??= offline((connector) => new Map(JSON.parse(connector.about()).settings.map((setting) => [setting.name, setting])));
  const known = await settings;
  const harmless = new Set([...known.values()].filter(({ kind }) => kind !== "secret").map(({ name }) => name));
  const concurrency = Number(config?.max_concurrency) || Number(known.get("max_concurrency").default);
  return { ...account(config, allowedOrigins, harmless), connections: Math.min(Math.max(1, Math.trunc(concurrency)), MOST_CONNECTIONS) };
}

/**
 * Calls the component with a way to its store.
 *
 * @template T
 * @param {object} options
 * @param {Awaited<ReturnType<typeof accountOf>>} options.account
 * @param {AbortSignal} [options.signal]
 * @param {(event: import("../types/index.d.ts").Event) => void} [options.onEvent]
 * @param {Progress} [options.progress]
 * @param {number} [options.graceMs] how long the component may continue after a stop; a call that takes no stop ends at once
 * @param {(connector: any, stop: Stop) => Promise<T>} use
 */
export async function online({ account, signal, onEvent, progress = new Progress(), graceMs = 0 }, use) {
  if (signal?.aborted) throw new TapError("cancelled", "the run was stopped before it began");
  const [send, redact, connections] = [sender(onEvent), redactor(account.token), new Connections(account.connections)];
  const { origin, prefix, headers } = account;
  const transport = counted(connections.send, progress, (event) => send({ ...event, path: redact(event.path) }));
  const through = door({ origin, prefix, headers, fromComponent: ["accept", "user-agent"], transport });
  const stop = new Stop(signal, graceMs);
  try {
    const log = (line) => send(logged(redact(line)));
    return await called({ send: through, log, redact, stop }, (connector) => use(connector, stop));
  } finally {
    stop.end();
    connections.close();
  }
}

/**
 * @param {{ send: import("./door.js").Sender, log: (line: string) => void, redact: (text: string) => string, stop?: Stop }} options
 * @param {(connector: any) => any} use
 */
async function called({ send, log, redact, stop }, use) {
  if (!("Suspending" in WebAssembly)) {
    throw new TapError("component", "this JavaScript engine cannot run the component (it has no JSPI); use Node 24.20 or newer");
  }
  let last;
  const keep = (line) => {
    last = redact(line);
    log(line);
  };
  const { exports, end } = await instance({ cores: await cores(), environment: [], log: keep, send });
  try {
    const called = use(exports.connector);
    return await (stop ? Promise.race([called, stop.unheeded]) : called);
  } catch (thrown) {
    throw failure(thrown, redact, last);
  } finally {
    end();
  }
}

/** The request to end a run early. */
class Stop {
  /** When it was made. */
  wantedAt = Infinity;
  /** Rejects if the component has not ended within its grace period. @type {Promise<never>} */
  unheeded;

  #change = new Change();
  #giveUp;
  #timer;
  #signal;
  #graceMs;
  #ended = false;

  /**
   * @param {AbortSignal | undefined} signal
   * @param {number} graceMs
   */
  constructor(signal, graceMs) {
    this.#signal = signal;
    this.#graceMs = graceMs;
    this.unheeded = new Promise((_, reject) => {
      this.#giveUp = () => reject(new TapError("cancelled", "the call was stopped from outside; run again from the last state"));
    });
    signal?.addEventListener("abort", this.want);
  }

  pollable() {
    return new Pollable(() => this.wantedAt < Infinity, this.#change);
  }

  want = () => {
    if (this.#ended || this.wantedAt < Infinity) return;
    this.wantedAt = performance.now();
    this.#change.wake();
    this.#timer = setTimeout(this.#giveUp, this.#graceMs);
  };

  end() {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.want);
  }
}

/**
 * Counts requests and the bytes of their answers, and reports each request.
 *
 * @param {import("./door.js").Transport} transport
 * @param {Progress} progress
 * @param {(event: any) => void} report
 * @returns {import("./door.js").Transport}
 */
function counted(transport, progress, report) {
  return async (url, headers, signal) => {
    const ended = progress._request();
    const begun = performance.now();
    const answered = (status) => report({ kind: "request", path: url.pathname + url.search, status, tookMs: performance.now() - begun });
    signal.addEventListener("abort", ended);
    try {
      const answer = await transport(url, headers, signal);
      answered(answer.status);
      return { ...answer, body: countedBody(answer.body, progress, ended) };
    } catch (fault) {
      ended();
      answered(undefined);
      throw fault;
    }
  };
}

async function* countedBody(body, progress, ended) {
  try {
    for await (const piece of body) {
      progress._received(piece.length);
      yield piece;
    }
  } finally {
    ended();
  }
}
