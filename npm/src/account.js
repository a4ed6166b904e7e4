// The config, before the component sees it: which store it names, and the credentials that stay outside.

import { TapError } from "./failure.js";

const STANDARD = "https://api.bigcommerce.com";
/** What a header can hold. */
const HEADER = /^[\x21-\x7e]+$/;

/**
 * @param {unknown} config
 * @param {string[] | undefined} allowedOrigins none: the config's own
 * @param {Set<string>} harmless settings that are no secret
 */
export function account(config, allowedOrigins, harmless) {
  if (config === null || typeof config !== "object" || Array.isArray(config)) {
    throw wrong("config must be an object with the tap's settings, access_token and store_hash among them");
  }
  const own = /** @type {Record<string, unknown>} */ (config);
  const [token, client, url, hash] = ["access_token", "client_id", "api_url", "store_hash"].map((key) => given(own[key]));
  const missing = Object.entries({ access_token: token, store_hash: hash }).filter(([, value]) => value === undefined);
  if (missing.length) throw wrong(`the config cannot be used: missing: ${missing.map(([key]) => key).join(", ")}`);
  for (const [key, value] of Object.entries({ access_token: token, client_id: client })) {
    if (value !== undefined && !(typeof value === "string" && HEADER.test(value))) {
      throw wrong(`${key} must be text without spaces and line ends; copy it again from BigCommerce`);
    }
  }
  // The component reports what is wrong with an address that is not an origin. Until then nothing may be reached.
  const origin = originOf(url ?? STANDARD);
  if (origin !== undefined && allowedOrigins && !allowedOrigins.some((allowed) => originOf(allowed) === origin)) {
    const allowed = allowedOrigins.join(", ") || "no origin";
    throw wrong(`api_url is ${origin}, but requests are allowed only to ${allowed}; name it in allowedOrigins if it is the right one`);
  }
  const headers = Object.entries({ "x-auth-token": token, "x-auth-client": client }).filter(([, value]) => value !== undefined);
  return {
    /** Without the credentials, and without the values of unknown keys: a mistyped acess_token is a secret, too. */
    config: JSON.stringify(
      Object.fromEntries(
        Object.entries(config)
          .filter(([key]) => key !== "access_token" && key !== "client_id")
          .map(([key, value]) => [key, harmless.has(key) ? value : null]),
      ),
    ),
    token: String(token),
    origin,
    prefix: `/stores/${hash}/`,
    headers: /** @type {[string, string][]} */ (headers),
  };
}

/**
 * What a Worker's variables say about where its requests may go: the origin, and where the store's paths begin. If each call names its own
 * store, the component reads that from the call, and every store's paths pass.
 *
 * @param {(setting: string) => unknown} variable
 */
export function reach(variable) {
  const prefix = variable("EDGE_CONFIG") === "body" ? "/stores/" : `/stores/${given(variable("STORE_HASH"))}/`;
  return { origin: originOf(given(variable("API_URL")) ?? STANDARD), prefix };
}

/**
 * A setting as the tap reads it: text without the spaces around it. Blank text counts as absent.
 *
 * @param {unknown} value
 */
export function given(value) {
  const text = typeof value === "string" ? value.trim() : value;
  return text === "" || text === null ? undefined : text;
}

/** @returns {string | undefined} */
export function originOf(text) {
  if (typeof text !== "string" || !URL.canParse(text)) return undefined;
  const { origin } = new URL(text);
  return origin === "null" ? undefined : origin;
}

function wrong(message) {
  return new TapError("config", message);
}
