// The tap for Node: an asynchronous function for each call of the component.

import { accountOf, offline, online } from "./call.js";
import { Progress, sender } from "./events.js";
import { TapError, redactor, verdict } from "./failure.js";
import { KNOWN, checkOptions, request, selection } from "./options.js";
import { Sink, open } from "./sink.js";

export { Progress, TapError };

/** How long a run may continue after its stop. A record with all its lists may take a while. */
const GRACE_MS = 60_000;
/** How long a sink may be busy with what it has, after the stop. */
const SINK_GRACE_MS = 5_000;

/** What the tap is. */
export async function about() {
  return JSON.parse(await offline((connector) => connector.about()));
}

/** The catalog, as a selection marks it. */
export async function discover(options = {}) {
  checkOptions(options, KNOWN.discover);
  const chosen = selection(options);
  return JSON.parse(await offline((connector) => connector.discover("{}", chosen)));
}

/** Which streams the token may read, and what a first run costs. */
export async function check(options = {}) {
  checkOptions(options, KNOWN.check);
  const [account, chosen] = [await accountOf(options), selection(options)];
  const asked = online({ ...options, account }, (connector) => connector.check(account.config, chosen));
  return JSON.parse(redactor(account.token)(await asked));
}

/** What a run is going to do. It needs no network. */
export async function plan(options = {}) {
  checkOptions(options, KNOWN.plan);
  const account = await accountOf(options);
  const wanted = request(options, account.config);
  const { streams, schemas, warnings } = await offline((connector) => connector.plan(wanted));
  const redact = redactor(account.token);
  return { streams, schemas: schemas.map((line) => JSON.parse(redact(line))), warnings: warnings.map(redact) };
}

/** How much a run will read: an estimate, or undefined if the store does not say. */
export async function outlook(options = {}) {
  checkOptions(options, KNOWN.outlook);
  const account = await accountOf(options);
  const wanted = request(options, account.config);
  const walks = await online({ ...options, account }, (connector) => connector.outlook(wanted));
  return walks?.map(({ streams, records, requests }) => ({ streams, records: Number(records), requests: Number(requests) }));
}

/** Reads the selected streams and gives their messages to the sink. */
export async function sync(options = {}) {
  return written(options, "sync");
}

/** Tries each selected stream by itself: reads it to its first record. */
export async function test(options = {}) {
  await written(options, "test");
}

/** A call that writes messages. The last state goes with what it returns and with what it throws. */
async function written(options, name) {
  checkOptions(options, KNOWN[name]);
  const began = typeof options.state === "string" ? parsed(options.state) : (options.state ?? undefined);
  /** @type {{ state: unknown, summary: import("../types/index.d.ts").Summary | undefined }} */
  const left = { state: began, summary: undefined };
  try {
    const account = await accountOf(options);
    const wanted = request(options, account.config);
    const [redact, send, progress] = [redactor(account.token), sender(options.onEvent), options.progress ?? new Progress()];
    const { give, closed, release } = open(options.sink);
    const sink = new Sink(give, (kind, stream) => {
      if (progress._message(stream, kind === "RECORD")) send({ kind: "stream-begun", stream });
    });
    let impatience;
    let stopRun = () => {};
    closed?.catch((fault) => {
      sink.break(fault);
      stopRun();
    });
    try {
      const done = await online({ ...options, account, progress, graceMs: GRACE_MS }, (connector, stop) => {
        stopRun = stop.want;
        impatience = setInterval(() => {
          const since = Math.max(sink.since ?? Infinity, stop.wantedAt);
          if (performance.now() - since > SINK_GRACE_MS) sink.leave();
        }, SINK_GRACE_MS / 10);
        return connector[name](wanted, sink, stop.pollable());
      });
      left.summary = done && summaryOf(done, redact);
    } catch (thrown) {
      if (sink.broken) throw ofSink(sink.broken.fault, redact);
      if (sink.left) throw new TapError("cancelled", "the run was stopped, and its sink did not take what it had; run again from the last state");
      throw thrown;
    } finally {
      clearInterval(impatience);
      release();
      left.state = sink.state ?? began;
    }
    for (const stream of left.summary?.streams ?? []) send({ kind: "stream-ended", stream });
    const failed = left.summary && verdict(left.summary);
    if (failed) throw failed;
    return left;
  } catch (thrown) {
    throw Object.assign(thrown, left);
  }
}

function parsed(state) {
  try {
    return JSON.parse(state);
  } catch {
    // The component says what is wrong with it.
    return undefined;
  }
}

function ofSink(fault, redact) {
  const why = redact(String(fault?.message ?? fault));
  return new TapError("sink", `the messages could not be written: ${why}; run again from the last state`, { cause: fault });
}

/** A summary of the WIT, with plain numbers. */
function summaryOf({ streams, requests, retries, waitedMs, complete }, redact) {
  const stream = ({ name, records, skipped, nulled, aside, complete, failure }) => ({
    name,
    records: Number(records),
    skipped: Number(skipped),
    nulled: Number(nulled),
    aside: Number(aside),
    complete,
    failure: failure && { kind: failure.tag, message: redact(failure.val.message) },
  });
  return { streams: streams.map(stream), requests: Number(requests), retries: Number(retries), waitedMs: Number(waitedMs), complete };
}
