// Why a call fails.

/** The shortest text that is taken for a secret: a shorter one may be a word. */
const LEAST_SECRET = 8;

/** A call that failed, in one of the kinds that the WIT names. */
export class TapError extends Error {
  name = "TapError";
  /** The stream that failed, if it was one alone. @type {string | undefined} */
  stream;
  /** Where to resume: the last STATE that the sink has taken, or the state that the run was given. @type {unknown} */
  state;
  /** What the run did. @type {import("../types/index.d.ts").Summary | undefined} */
  summary;

  /**
   * @param {import("../types/index.d.ts").Kind} kind
   * @param {string} message
   * @param {{ stream?: string, cause?: unknown }} [more]
   */
  constructor(kind, message, { stream, cause } = {}) {
    super(stream ? `${stream}: ${message}` : message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.stream = stream;
  }
}

/** Takes a secret out of texts. @param {string} secret */
export function redactor(secret) {
  return secret.length < LEAST_SECRET ? (text) => text : (text) => text.replaceAll(secret, "***");
}

/**
 * What the component threw: a failure of the WIT, or a trap.
 *
 * @param {any} thrown
 * @param {(text: string) => string} redact
 * @param {string} [last] the last line of the log, which holds the words of a panic
 */
export function failure(thrown, redact, last) {
  if (thrown instanceof TapError) return thrown;
  const fault = thrown?.val;
  if (typeof thrown?.tag === "string" && typeof fault?.message === "string") {
    return new TapError(thrown.tag, redact(fault.message), { stream: fault.stream });
  }
  const words = redact(String(thrown?.message ?? thrown));
  const said = last ? `; its last words: ${last}` : "";
  return new TapError("component", `the component crashed: ${words}${said}; report this, and run again from the last state`);
}

/**
 * The failures of single streams as one: its kind is the first one's. If no stream failed and records are set aside, it says so. None: everything
 * was read.
 *
 * @param {import("../types/index.d.ts").Summary} summary
 */
export function verdict(summary) {
  const causes = new Map();
  let first;
  for (const { name, failure } of summary.streams) {
    if (!failure) continue;
    first ??= failure;
    causes.set(failure.message, [...(causes.get(failure.message) ?? []), name]);
  }
  if (first) {
    const texts = [...causes].map(([message, streams]) => `${streams.join(", ")}: ${message}`);
    return new TapError(first.kind, `the run is not complete: ${texts.join("; ")}`);
  }
  const aside = summary.streams.filter((stream) => stream.aside > 0).map((stream) => `${stream.aside} of ${stream.name}`);
  if (!aside.length) return undefined;
  const text = `set aside, because the store could not serve them: ${aside.join(", ")}; everything else is complete, and the next run tries them again`;
  return new TapError("set-aside", text);
}
