// Requests from Node. `fetch` has no bound for the connections that it opens; an agent has one, and it is closed when the run ends.

import http from "node:http";
import https from "node:https";
import { pipeline } from "node:stream";
import zlib from "node:zlib";
import { HttpFault } from "../wasi/http.js";

/** The wasi:http codes for Node's errors. */
const CODES = {
  ECONNREFUSED: { tag: "connection-refused" },
  ECONNRESET: { tag: "connection-terminated" },
  EPIPE: { tag: "connection-terminated" },
  ETIMEDOUT: { tag: "connection-timeout" },
  ENOTFOUND: { tag: "DNS-error", val: { rcode: "the name cannot be resolved" } },
  EAI_AGAIN: { tag: "DNS-error", val: { rcode: "the name cannot be resolved now" } },
};

export class Connections {
  #agents;
  #most;

  /** @param {number} most connections at one time */
  constructor(most) {
    this.#most = most;
    const options = { keepAlive: true, maxSockets: most, maxFreeSockets: most };
    // Without TLS only loopback is reached, and the token must not leave for a proxy.
    const { HTTPS_PROXY, https_proxy, NO_PROXY, no_proxy } = process.env;
    const proxyEnv = { HTTPS_PROXY, https_proxy, NO_PROXY, no_proxy };
    this.#agents = { "http:": new http.Agent(options), "https:": new https.Agent({ ...options, proxyEnv }) };
  }

  /**
   * A server closes connections that have been idle, and the client may learn of it only when it sends the next request. That says nothing about the
   * store, so the request is sent again, at most once for each connection that was kept.
   *
   * @type {import("../door.js").Transport}
   */
  send = async (url, headers, signal) => {
    for (let kept = this.#most; ; kept -= 1) {
      try {
        return await this.#ask(url, headers, signal);
      } catch (fault) {
        if (!fault.idle || signal.aborted || kept === 0) throw fault.cause;
      }
    }
  };

  close() {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  #ask(url, headers, signal) {
    return new Promise((resolve, reject) => {
      const { request: ask } = url.protocol === "https:" ? https : http;
      const fields = { "accept-encoding": "gzip", ...Object.fromEntries(headers) };
      const request = ask(url, { agent: this.#agents[url.protocol], headers: fields });
      const stop = () => request.destroy();
      signal.addEventListener("abort", stop);
      request.on("close", () => signal.removeEventListener("abort", stop));
      request.on("error", (/** @type {NodeJS.ErrnoException} */ fault) => {
        const idle = request.reusedSocket && fault.code === "ECONNRESET";
        reject({ idle, cause: new HttpFault(code(fault)) });
      });
      request.on("response", (answer) => resolve(read(answer)));
      if (signal.aborted) stop();
      request.end();
    });
  }
}

function read(answer) {
  const packed = answer.headers["content-encoding"] === "gzip";
  const headers = [];
  for (let place = 0; place < answer.rawHeaders.length; place += 2) {
    const name = answer.rawHeaders[place].toLowerCase();
    if (packed && (name === "content-encoding" || name === "content-length")) continue;
    headers.push([name, answer.rawHeaders[place + 1]]);
  }
  return { status: answer.statusCode, headers, body: pieces(answer, packed) };
}

/** The body, unpacked. A connection that ends too early is a fault, not an end. */
async function* pieces(answer, packed) {
  try {
    yield* packed ? unpacked(answer) : answer;
  } catch (fault) {
    throw new HttpFault(code(fault));
  }
}

function unpacked(answer) {
  const body = pipeline(answer, zlib.createGunzip(), () => {});
  // Whoever reads the body gets its fault. If nobody reads any more, it must not end the process.
  body.on("error", () => {});
  return body;
}

function code(fault) {
  return CODES[fault.code] ?? { tag: "internal-error", val: fault.message };
}
