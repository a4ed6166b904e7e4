// The tap as a Worker: the component's own HTTP interface, on Cloudflare or in workerd. Nothing is decided here.

import core from "../dist/tap.core.wasm";
import core2 from "../dist/tap.core2.wasm";
import core3 from "../dist/tap.core3.wasm";
import { given, reach } from "./account.js";
import { door } from "./door.js";
import { instance } from "./instance.js";
import { IncomingRequest, ResponseOutparam } from "./wasi/incoming.js";

const CORES = { "tap.core.wasm": core, "tap.core2.wasm": core2, "tap.core3.wasm": core3 };
const SETTING = "TAP_BIGCOMMERCE_";
/** Cloudflare opens six connections for one request; more would wait there, and the tap would take that for the store's silence. */
const CONNECTIONS = "6";
const HEADERS = ["accept", "user-agent", "x-auth-token", "x-auth-client"];
const CRASHED = { type: "about:blank", title: "Internal Server Error", status: 500, detail: "the component crashed; its log says more", kind: "component" };

export default {
  /** @type {typeof import("../types/worker.d.ts").default.fetch} */
  async fetch(request, env, context) {
    const { exports, end } = await instance({ cores: (name) => CORES[name], environment: settings(env), log, send: toStore(env) });
    const { promise, resolve } = Promise.withResolvers();
    const handled = exports.incomingHandler.handle(new IncomingRequest(request), new ResponseOutparam(resolve));
    const ended = handled.catch((fault) => log(`CRITICAL the component crashed: ${fault.message}`)).finally(end);
    context.waitUntil(ended);
    // The component sets a response, or it crashed.
    const response = await Promise.race([promise, ended]);
    if (!response) return Response.json(CRASHED, { status: 500, headers: { "content-type": "application/problem+json" } });
    // If it crashed later, nothing finished the body.
    ended.finally(() => response.outgoing[Symbol.dispose]());
    return response.response();
  },
};

/** @param {Record<string, unknown>} env @returns {[string, string][]} */
function settings(env) {
  const concurrency = `${SETTING}MAX_CONCURRENCY`;
  const own = Object.entries({ ...env, [concurrency]: given(env[concurrency]) ?? CONNECTIONS });
  return own.filter(([name]) => name.startsWith(SETTING)).map(([name, value]) => [name, String(value)]);
}

function toStore(env) {
  return door({ ...reach((setting) => env[SETTING + setting]), fromComponent: HEADERS, headers: [], transport });
}

/** @type {import("./door.js").Transport} */
async function transport(url, headers, signal) {
  const answer = await fetch(url, { headers, signal, redirect: "manual" });
  return { status: answer.status, headers: answer.headers, body: answer.body };
}

/** @param {string} line */
function log(line) {
  const write = line.startsWith("CRITICAL") ? console.error : line.startsWith("WARNING") ? console.warn : console.log;
  write(line);
}
