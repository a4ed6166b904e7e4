// The package on Node, against a simulated store.

import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as tap from "tap-bigcommerce";
import { account } from "../src/account.js";
import { Messages, Proxy, large, store, until } from "./store.js";

const { Progress, TapError, sync } = tap;

/** The options for a run by this way, with messages that are gathered. */
function by(proxy, more = {}) {
  const messages = new Messages();
  return { messages, options: { config: proxy.config, sink: messages.take, ...more } };
}

/** All of the store, read once. */
let all;
const whole = () => (all ??= read());

async function read() {
  await using proxy = await Proxy.start();
  const { messages, options } = by(proxy);
  await sync(options);
  return messages;
}

/** The failure of a call that must fail. */
async function fails(call, kind) {
  const failure = await call.then(
    () => assert.fail(`it did not fail with ${kind}`),
    (failure) => failure,
  );
  assert.ok(failure instanceof TapError, String(failure));
  assert.equal(failure.kind, kind, failure.message);
  assert.ok(!failure.message.includes(store.access_token), failure.message);
  return failure;
}

test("a run returns its state, its summary, its events and its progress", async () => {
  await using proxy = await Proxy.start();
  const events = [];
  const progress = new Progress();
  const { messages, options } = by(proxy, { progress, onEvent: (event) => events.push(event) });
  const { state, summary } = await sync(options);
  assert.deepEqual(state, messages.state);
  assert.ok(summary.complete);
  assert.equal(summary.requests, proxy.requests);
  assert.deepEqual(Object.fromEntries(summary.streams.map(({ name, records }) => [name, records])), messages.counts);
  const { requests, records, streams, inFlight, bytes } = progress.snapshot();
  assert.deepEqual([requests, streams, inFlight], [proxy.requests, messages.counts, 0]);
  assert.ok(records === Object.values(messages.counts).reduce((a, b) => a + b) && bytes > 1000 * records);
  const of = (kind) => events.filter((event) => event.kind === kind);
  assert.equal(of("request").length, proxy.requests);
  assert.deepEqual(of("stream-begun").map(({ stream }) => stream).sort(), Object.keys(streams).sort());
  assert.deepEqual(of("stream-ended").map(({ stream }) => stream.name).sort(), Object.keys(streams).sort());
  assert.ok(of("metric").some(({ metric }) => metric.metric === "record_count"));
  assert.ok(of("log").some(({ level }) => level === "INFO"));
  assert.ok(!JSON.stringify(events).includes(store.access_token));
});

test("slices from state to state bring what one run brings", async () => {
  await using proxy = await Proxy.start();
  const runs = [];
  let state;
  for (let complete = false; !complete; ) {
    assert.ok(runs.length < 50, "the slices do not come to an end");
    const { messages, options } = by(proxy, { state, maxRecords: 250 });
    const ended = await sync(options);
    ({ state } = ended);
    ({ complete } = ended.summary);
    runs.push(messages);
  }
  assert.ok(runs.length > 2);
  assert.deepEqual(Messages.union(...runs), (await whole()).records);
  // A state may also be given as it was stored.
  const { messages, options } = by(proxy, { state: JSON.stringify(state), select: ["orders"] });
  await sync(options);
  const { orders } = (await whole()).counts;
  assert.ok((messages.counts.orders ?? 0) < orders / 2, "what was read is read again");
});

test("three runs at the same time bring the same records", async () => {
  await using proxy = await Proxy.start();
  const runs = [1, 2, 3].map(() => by(proxy));
  await Promise.all(runs.map(({ options }) => sync(options)));
  const expected = (await whole()).records;
  for (const { messages } of runs) assert.deepEqual(messages.records, expected);
});

test("a run opens no more connections than max_concurrency, and closes them", async () => {
  for (const most of [3, 24]) {
    await using proxy = await Proxy.start();
    const { options } = by(proxy, { config: { ...proxy.config, max_concurrency: most } });
    await sync(options);
    assert.ok(proxy.most <= most && proxy.mostWaiting > most / 8, `${proxy.most} of ${most}`);
    assert.ok(proxy.requests > 4 * most, "connections are used again");
    await until("the connections are closed", () => proxy.open === 0);
  }
});

test("an abort ends the run with its state, stops the requests, and the next run completes it", async () => {
  await using proxy = await Proxy.start();
  const control = new AbortController();
  const { messages, options } = by(proxy, { signal: control.signal, config: { ...proxy.config, max_concurrency: 4 } });
  const stopping = (line) => {
    messages.take(line);
    if (messages.lines.length === 300) control.abort();
  };
  const failure = await fails(sync({ ...options, sink: stopping }), "cancelled");
  assert.deepEqual(failure.state, messages.state);
  const sent = proxy.requests;
  assert.ok((await proxy.rests()) <= sent + 4);
  const next = by(proxy, { state: failure.state });
  await sync(next.options);
  assert.deepEqual(Messages.union(messages, next.messages), (await whole()).records);
  for (const sink of [options.sink, new WritableStream()]) {
    await fails(sync({ ...options, sink, signal: AbortSignal.abort() }), "cancelled");
  }
  await fails(tap.check({ config: proxy.config, signal: AbortSignal.abort() }), "cancelled");
});

test("an abort ends a run whose store or sink does not answer", async () => {
  await using proxy = await Proxy.start((request) => (request.url.includes("/v2/coupons") ? "stall" : undefined));
  for (const call of ["sync", "check"]) {
    const control = new AbortController();
    const { messages, options } = by(proxy, { signal: control.signal, select: ["coupons"] });
    const { sink, ...check } = options;
    const begun = proxy.requests;
    const ended = fails(call === "sync" ? sync({ ...check, sink }) : tap.check(check), "cancelled");
    await until("the store is asked", () => proxy.waiting > 0 && proxy.requests > begun);
    control.abort();
    await ended;
    assert.deepEqual(messages.counts, {});
    await until("the request is cancelled", () => proxy.waiting === 0);
  }
  const control = new AbortController();
  let calls = 0;
  const never = () => {
    calls += 1;
    control.abort();
    return new Promise(() => {});
  };
  const { options } = by(proxy, { signal: control.signal, sink: never });
  await fails(sync(options), "cancelled");
  assert.equal(calls, 1);
});

test("a sink that fails ends the run with its own error, and the requests", async () => {
  const error = new Error("the disk is full");
  const thrower = () => {
    throw error;
  };
  const closing = () => {
    let lines = 0;
    return new WritableStream({
      write(_, controller) {
        lines += 1;
        if (lines > 3) controller.error(error);
      },
    });
  };
  for (const sink of [thrower, async () => thrower(), closing()]) {
    await using proxy = await Proxy.start();
    const { config, ...options } = by(proxy).options;
    const failure = await fails(sync({ ...options, config: { ...config, max_concurrency: 4 }, sink }), "sink");
    assert.match(failure.message, /the disk is full/);
    assert.equal(failure.cause, error);
    // Those that were under way may still arrive.
    const sent = proxy.requests;
    assert.ok((await proxy.rests()) <= sent + 4);
  }
});

test("a stream that is closed while the store is silent ends the run", async () => {
  await using proxy = await Proxy.start((request) => (request.url.includes("/v2/coupons") ? "stall" : undefined));
  let broken;
  const sink = new WritableStream({ start: (controller) => (broken = () => controller.error(new Error("the pipe is closed"))) });
  const ended = fails(sync({ ...by(proxy).options, sink, select: ["coupons"] }), "sink");
  await until("the store is asked", () => proxy.waiting > 0);
  broken();
  assert.match((await ended).message, /the pipe is closed/);
  await until("the request is cancelled", () => proxy.waiting === 0);
});

test("a stream gets whole lines as bytes, and stays open and free", async () => {
  await using proxy = await Proxy.start();
  const pieces = [];
  const stream = new WritableStream({ write: (bytes) => void pieces.push(Buffer.from(bytes)) });
  for (const select of [["coupons"], ["products"]]) await sync({ ...by(proxy).options, sink: stream, select });
  assert.ok(!stream.locked);
  assert.ok(pieces.every((piece) => piece.at(-1) === 10));
  const { coupons, products } = (await whole()).records;
  assert.deepEqual(Messages.of(Buffer.concat(pieces).toString()).records, { coupons, products });
});

test("a sink that is slow holds the store back", async () => {
  await using proxy = await Proxy.start();
  const { promise, resolve } = Promise.withResolvers();
  const { messages, options } = by(proxy, { config: { ...proxy.config, max_concurrency: 4 } });
  const slow = async (line) => {
    messages.take(line);
    if (messages.lines.length > 100) await promise;
  };
  const ended = sync({ ...options, sink: slow });
  const held = await proxy.rests();
  assert.equal(messages.lines.length, 101, "one line at a time");
  resolve();
  await ended;
  assert.ok(held < proxy.requests / 2, `${held} of ${proxy.requests} requests`);
  assert.deepEqual(messages.records, (await whole()).records);
});

test("wrong input is reported by its kind, before any request", async () => {
  await using proxy = await Proxy.start();
  const { options } = by(proxy);
  const { config } = options;
  const wrong = {
    config: [
      { config: undefined },
      { config: { ...config, access_token: undefined } },
      { config: { ...config, access_token: " " } },
      { config: { ...config, access_token: `${config.access_token} x` } },
      { config: { ...config, page_size: 7 } },
      { config: { ...config, api_url: "http://api.example.com" } },
      { config: { ...config, api_url: `${proxy.url}/path` } },
      { allowedOrigins: [] },
      { allowedOrigins: ["https://api.bigcommerce.com"] },
      { maxRecords: -1 },
      { select: "orders" },
      { select_all: true },
      { signal: "now" },
      { onEvent: [] },
      { progress: {} },
    ],
    catalog: [{ select: ["no_such_stream"] }, { catalog: "{" }, { catalog: { streams: 3 } }],
    state: [{ state: "no JSON" }, { state: { bookmarks: 3 } }],
    sink: [{ sink: undefined }, { sink: {} }],
  };
  for (const [kind, cases] of Object.entries(wrong)) {
    for (const more of cases) {
      const failure = await fails(sync({ ...options, ...more }), kind);
      assert.ok(failure.message.length > 20, failure.message);
      if (typeof more.state !== "string") assert.deepEqual(failure.state, more.state);
    }
  }
  assert.equal(proxy.requests, 0);
  const mistyped = { ...config, acess_token: config.access_token };
  const { warnings } = await tap.plan({ config: mistyped });
  assert.ok(warnings.some((text) => text.includes("acess_token")) && !warnings.join().includes(config.access_token));
});

test("a config is read as the program reads it: spaces around a text do not count, and empty text is absent", async () => {
  const clients = new Set();
  await using proxy = await Proxy.start(({ headers }) => {
    clients.add(headers["x-auth-client"]);
    assert.equal(headers["x-auth-token"], store.access_token);
  });
  const spaced = Object.fromEntries(["access_token", "store_hash", "api_url"].map((key) => [key, ` ${proxy.config[key]}\n`]));
  for (const client_id of ["", " ", null, " client "]) {
    const { messages, options } = by(proxy, { config: { ...proxy.config, ...spaced, client_id }, select: ["coupons"] });
    await sync(options);
    assert.equal(messages.counts.coupons, (await whole()).counts.coupons);
  }
  assert.deepEqual([...clients], [undefined, "client"]);
  for (const api_url of [undefined, "", " "]) assert.equal(account({ ...store, api_url }, undefined, new Set()).origin, "https://api.bigcommerce.com");
});

test("a store that refuses or does not answer is reported by its kind", async () => {
  await using proxy = await Proxy.start();
  const { options } = by(proxy);
  await fails(sync({ ...options, config: { ...proxy.config, access_token: "another-token" } }), "unauthorized");
  proxy.meddle = (request) => (request.url.includes("/customers") ? { status: 403, body: "{}" } : undefined);
  const failure = await fails(sync(options), "missing-scope");
  const { customers, ...others } = Object.fromEntries(failure.summary.streams.map((stream) => [stream.name, stream]));
  assert.ok(customers.failure.kind === "missing-scope" && Object.values(others).every(({ complete }) => complete));
  const dead = await Proxy.start();
  const begun = by(dead, { state: { bookmarks: {} } }).options;
  await dead[Symbol.asyncDispose]();
  const unreachable = await fails(sync(begun), "unreachable");
  assert.deepEqual(unreachable.state.bookmarks, {});
});

test("no other place is asked, and the token shows nowhere", async () => {
  let led = 0;
  const elsewhere = http.createServer((_, response) => {
    led += 1;
    response.end("[]");
  });
  await new Promise((ready) => elsewhere.listen(0, "127.0.0.1", ready));
  const there = `http://127.0.0.1:${elsewhere.address().port}`;
  const events = [];
  await using proxy = await Proxy.start((request) => {
    assert.equal(request.headers["x-auth-token"], store.access_token);
    if (request.url.includes("/customers")) return { status: 302, headers: { location: there + request.url } };
    // A store that repeats what it was sent.
    if (request.url.includes("/v2/coupons")) return { status: 400, body: JSON.stringify([{ status: 400, message: `bad: ${store.access_token}` }]) };
  });
  const { options } = by(proxy, { onEvent: (event) => events.push(event), select: ["customers", "coupons"] });
  const failure = await fails(sync(options), "api");
  elsewhere.close();
  assert.equal(led, 0);
  assert.ok(events.length > 2);
  const { sink, ...asking } = options;
  const report = await tap.check(asking);
  proxy.meddle = () => ({ status: 401, body: JSON.stringify({ title: `bad: ${store.access_token}` }) });
  const refused = await fails(tap.check(asking), "unauthorized");
  const told = JSON.stringify([events, report, ...[failure, refused].map((failure) => [failure, failure.message, failure.stack])]);
  assert.ok(told.includes("***") && !told.includes(store.access_token));
});

test("a connection that the store closes after an answer costs no retry", async () => {
  let closed = 0;
  await using proxy = await Proxy.start((request, response) => {
    if (proxy.requests % 5) return;
    closed += 1;
    // Without a word, as servers close what has been idle for long.
    response.on("finish", () => setImmediate(() => request.socket.destroy()));
  });
  const { messages, options } = by(proxy, { config: { ...proxy.config, max_concurrency: 4 } });
  const { summary } = await sync(options);
  assert.ok(closed > 30);
  assert.equal(summary.retries, 0);
  assert.deepEqual(messages.records, (await whole()).records);
});

test("a test reads one record of each stream, and a check says what the token may read", async () => {
  await using proxy = await Proxy.start();
  const { messages, options } = by(proxy);
  assert.equal(await tap.test({ ...options, select: ["orders", "coupons"] }), undefined);
  assert.deepEqual(messages.counts, { orders: 1, coupons: 1 });
  assert.equal(messages.state, undefined);
  const { sink, ...asking } = options;
  const report = await tap.check(asking);
  assert.ok(report.streams.some(({ stream, readable }) => stream === "orders" && readable));
  const plan = await tap.plan({ ...asking, select: ["coupons"] });
  assert.deepEqual([plan.streams, plan.schemas[0].stream], [["coupons"], "coupons"]);
  const walks = await tap.outlook({ ...asking, select: ["coupons"] });
  assert.equal(walks[0].records, (await whole()).counts.coupons);
});

test("nothing is kept for a request or a record", async () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc");
  await using proxy = await Proxy.start(undefined, large);
  const measured = [];
  let orders = 0;
  const measuring = (line) => {
    orders += Number(line.startsWith('{"type":"RECORD"'));
    if (orders % 100) return;
    gc();
    measured.push({ requests: proxy.requests, heap: process.memoryUsage().heapUsed });
  };
  await sync({ ...by(proxy, { signal: new AbortController().signal, select: ["orders"] }).options, sink: measuring });
  // In the first third the engine compiles. One measurement may meet a page that has just come, so the least counts.
  const third = Math.floor(measured.length / 3);
  const least = (part) => part.reduce((least, { heap }) => Math.min(least, heap), Infinity);
  const requests = measured.at(-1).requests - measured[third].requests;
  const growth = (least(measured.slice(-third)) - least(measured.slice(third, 2 * third))) / requests;
  console.log(`${growth.toFixed(0)} bytes more on the heap for each of ${requests} requests`);
  assert.ok(requests > 1000 && growth < 1000, `${growth} bytes for each of ${requests} requests`);
});
