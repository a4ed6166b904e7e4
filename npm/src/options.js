// What the caller gives, in the form that the component takes.

import { Progress } from "./events.js";
import { TapError } from "./failure.js";

const SELECTION = ["catalog", "select", "exclude"];
const STORE = ["config", "allowedOrigins", "signal", "onEvent", ...SELECTION];
const REQUEST = [...STORE, "state", "fullRefresh", "maxRecords", "maxSeconds"];

/** The options of each call. */
export const KNOWN = { discover: SELECTION, check: STORE, plan: REQUEST, outlook: REQUEST, sync: [...REQUEST, "sink", "progress"], test: [...REQUEST, "sink", "progress"] };

/**
 * Rejects unknown options, so that a typo is not silently ignored.
 *
 * @param {any} options
 * @param {string[]} known
 */
export function checkOptions(options, known) {
  const unknown = Object.keys(options).filter((name) => !known.includes(name));
  if (unknown.length) throw wrong(`unknown options: ${unknown.join(", ")}; there are ${known.join(", ")}`);
  const { signal, onEvent, progress } = options;
  if (signal && !(signal instanceof AbortSignal)) throw wrong("signal must be an AbortSignal");
  if (onEvent && typeof onEvent !== "function") throw wrong("onEvent must be a function");
  if (progress && !(progress instanceof Progress)) throw wrong("progress must be a Progress of this package");
}

/** @param {any} options */
export function selection({ catalog, select, exclude = [] }) {
  return { catalog: json("catalog", catalog), select: texts("select", select), exclude: texts("exclude", exclude) };
}

/** @param {any} options @param {string} config */
export function request(options, config) {
  const { state, fullRefresh = [], maxRecords, maxSeconds } = options;
  return {
    config,
    selection: selection(options),
    state: json("state", state),
    fullRefresh: texts("fullRefresh", fullRefresh),
    maxRecords: whole("maxRecords", maxRecords),
    maxSeconds: whole("maxSeconds", maxSeconds),
  };
}

/** A JSON object, or its text. */
function json(name, value) {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  if (typeof value !== "object" || Array.isArray(value)) throw wrong(`${name} must be an object`);
  return JSON.stringify(value);
}

function texts(name, value) {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || !value.every((text) => typeof text === "string")) throw wrong(`${name} must be a list of texts`);
  return value;
}

function whole(name, value) {
  if (value === undefined || value === null) return undefined;
  if (!Number.isSafeInteger(value) || value < 0) throw wrong(`${name} must be a whole number, 0 or more`);
  return BigInt(value);
}

function wrong(message) {
  return new TapError("config", message);
}
