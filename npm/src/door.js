// The one place that requests may go to. Everything else is refused, whatever the component asks for.

import { HttpFault } from "./wasi/http.js";

/**
 * What the platform answers.
 * @typedef {{ status: number, headers: Iterable<[string, string]>, body: AsyncIterable<Uint8Array> | null }} Answer
 *
 * Sends a request of the component.
 * @typedef {(request: import("./wasi/outgoing.js").OutgoingRequest, signal: AbortSignal) => Promise<Answer>} Sender
 *
 * Sends a request that has passed. It follows no redirect, and its body comes unpacked.
 * @typedef {(url: URL, headers: [string, string][], signal: AbortSignal) => Promise<Answer>} Transport
 */

/** A path of the store's API is plain. One that a server may read differently (`..`, `//`, `%2f`, `\`) does not pass. */
const PLAIN = /^(?!\.{1,2}$)[A-Za-z0-9._-]+$/;

/**
 * @param {object} options
 * @param {string} [options.origin] none: nothing passes
 * @param {string} options.prefix where the store's paths begin
 * @param {string[]} options.fromComponent headers that are the component's to set
 * @param {[string, string][]} options.headers headers that are added
 * @param {Transport} options.transport
 * @returns {Sender}
 */
export function door({ origin, prefix, fromComponent, headers, transport }) {
  return async (request, signal) => {
    const target = `${request.scheme}://${request.authority}${request.path}`;
    const url = URL.canParse(target) ? new URL(target) : undefined;
    const path = request.path.split("?")[0];
    const below = path.startsWith(prefix) && path.slice(prefix.length).split("/").every((segment) => PLAIN.test(segment));
    const same = url?.origin === origin && url?.pathname === path && !url?.username && !url?.password;
    if (!url || !same || !below) throw new HttpFault({ tag: "HTTP-request-denied" });
    const own = request.headers.pairs().filter(([name]) => fromComponent.includes(name));
    return transport(url, [...own, ...headers], signal);
  };
}
