// The Worker in workerd, against a simulated store.

import assert from "node:assert/strict";
import net from "node:net";
import { after, before, test } from "node:test";
import { reach } from "../src/account.js";
import { Messages, Proxy, large, store, until } from "./store.js";
import { Workerd } from "./workerd.js";

const TOKEN = "sixteen-bytes-ok";
const STALL = (path) => (request) => (request.url.includes(path) ? "stall" : undefined);

let proxy;
let worker;

const variables = (more) => ({
  TAP_BIGCOMMERCE_API_URL: proxy.url,
  TAP_BIGCOMMERCE_STORE_HASH: store.store_hash,
  TAP_BIGCOMMERCE_ACCESS_TOKEN: store.access_token,
  TAP_BIGCOMMERCE_EDGE_TOKEN: TOKEN,
  ...more,
});

before(async () => {
  proxy = await Proxy.start();
  worker = await Workerd.start(variables());
});

after(async () => {
  await worker?.[Symbol.asyncDispose]();
  await proxy?.[Symbol.asyncDispose]();
});

const ask = (path, options = {}, to = worker) =>
  fetch(to.url + path, { headers: { authorization: `Bearer ${TOKEN}` }, ...options, signal: AbortSignal.any([AbortSignal.timeout(60_000), ...[options.signal ?? []].flat()]) });

const sync = (body = {}, options = {}) => ask("/sync", { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body), ...options });

/** A refusal's kind. */
async function refused(answer, status) {
  assert.equal(answer.status, status);
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  const problem = await answer.json();
  assert.equal(problem.status, status);
  assert.ok(problem.detail.length > 10 && !problem.detail.includes(store.access_token), problem.detail);
  return problem.kind;
}

/** For the time of a test, what the proxy does. */
function meddling(context, meddle) {
  proxy.meddle = meddle;
  context.after(() => (proxy.meddle = () => undefined));
}

test("what is not served is refused with its status, as a problem", async () => {
  const before = proxy.requests;
  assert.deepEqual(await (await ask("/health", { headers: {} })).json(), { status: "ok" });
  for (const authorization of [undefined, "", "Bearer", `Basic ${TOKEN}`, `Bearer ${TOKEN}0`, "Bearer sixteen-bytes-oK"]) {
    for (const [method, path] of [["POST", "/sync"], ["GET", "/about"], ["GET", "/discover"]]) {
      const answer = await ask(path, { method, headers: authorization === undefined ? {} : { authorization } });
      assert.equal(answer.headers.get("www-authenticate"), "Bearer");
      assert.equal(await refused(answer, 401), "unauthorized");
    }
  }
  for (const [method, path, allowed] of [["GET", "/sync", "POST"], ["PUT", "/sync", "POST"], ["POST", "/about", "GET"], ["DELETE", "/discover", "GET"]]) {
    const answer = await ask(path, { method });
    assert.equal(answer.headers.get("allow"), allowed);
    assert.equal(await refused(answer, 405), "method");
  }
  for (const path of ["/", "/sync/", "/healthy", "/stores/sandbox/v2/orders"]) assert.equal(await refused(await ask(path), 404), "not-found");
  for (const [body, kind] of [
    ["no JSON", "body"],
    [{ access_token: "x" }, "body"],
    [{ max_records: -1 }, "body"],
    [{ select: ["no_such_stream"] }, "catalog"],
    [{ state: { bookmarks: [] } }, "state"],
  ]) {
    assert.equal(await refused(await sync(body), 400), kind);
  }
  assert.equal(await refused(await sync(" ".repeat((8 << 20) + 1)), 413), "body");
  assert.equal(proxy.requests, before);
});

test("without a token of its own the interface is closed", async () => {
  await using closed = await Workerd.start(variables({ TAP_BIGCOMMERCE_EDGE_TOKEN: "fifteen-bytes-x" }));
  assert.equal((await ask("/health", {}, closed)).status, 200);
  assert.equal(await refused(await ask("/sync", { method: "POST", headers: { authorization: "Bearer fifteen-bytes-x" } }, closed), 503), "closed");
});

test("about and discover answer without a request to the store", async () => {
  const before = proxy.requests;
  const about = await (await ask("/about?x=y")).json();
  const catalog = await (await ask("/discover")).json();
  assert.equal(about.name, "tap-bigcommerce");
  assert.equal(catalog.streams.length, about.streams.length);
  assert.equal(proxy.requests, before);
});

test("a sync brings the whole store with six requests at a time at most", async () => {
  proxy.mostWaiting = 0;
  const answer = await sync();
  assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, "application/x-ndjson"]);
  const text = await answer.text();
  assert.equal(JSON.parse(text.slice(0, text.indexOf("\n"))).type, "SCHEMA");
  const { counts, state } = Messages.of(text);
  assert.deepEqual(counts, JSON.parse(process.env.TAP_BIGCOMMERCE_TEST_COUNTS));
  assert.deepEqual(Object.keys(state), ["bookmarks"]);
  assert.ok(proxy.mostWaiting > 3 && proxy.mostWaiting <= 6, `${proxy.mostWaiting} requests at a time`);
});

test("slices from state to state bring what one run brings", async () => {
  const runs = [];
  let state;
  do {
    assert.ok(runs.length < 50, "the slices do not come to an end");
    const run = Messages.of(await (await sync({ state, max_records: 250 })).text());
    ({ state } = run);
    runs.push(run);
  } while (state.currently_syncing);
  assert.ok(runs.length > 2);
  assert.deepEqual(Messages.union(...runs), Messages.of(await (await sync()).text()).records);
});

test("messages come during the run, and a client that hangs up then ends it", async (context) => {
  meddling(context, STALL("/v2/coupons"));
  const control = new AbortController();
  const answer = await sync({}, { signal: control.signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  // The store never answers for the last stream, so the one before it comes during the run.
  for (let text = ""; !text.includes('{"type":"RECORD","stream":"products"'); ) text += (await reader.read()).value;
  await until("the store is asked for coupons", () => proxy.waiting > 0);
  control.abort();
  await until("the request is cancelled", () => proxy.waiting === 0);
});

test("a client that hangs up stops the requests", async () => {
  const control = new AbortController();
  const before = proxy.requests;
  const answer = await sync({}, { signal: control.signal });
  await answer.body.getReader().read();
  control.abort();
  const sent = proxy.requests;
  assert.ok((await proxy.rests()) - sent < 60, `${proxy.requests - sent} more requests`);
  assert.ok(sent > before);
});

test("a reader that stops holds the store back", async () => {
  await using proxy = await Proxy.start(undefined, large);
  await using worker = await Workerd.start(variables({ TAP_BIGCOMMERCE_API_URL: proxy.url }));
  const socket = net.connect(worker.port, "127.0.0.1");
  socket.pause();
  socket.write(`POST /sync HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\ncontent-length: 22\r\n\r\n{"select": ["orders"]}`);
  const held = await proxy.rests();
  let bytes = 0;
  let tail = "";
  socket.on("data", (piece) => {
    bytes += piece.length;
    tail = (tail + piece.toString("latin1")).slice(-5);
  });
  socket.resume();
  await until("the response ends", () => tail === "0\r\n\r\n");
  socket.destroy();
  assert.ok(held < proxy.requests / 2, `${held} of ${proxy.requests} requests, ${bytes} bytes`);
});

test("a run that fails midway interrupts the response, and one that fails before has a status", async (context) => {
  meddling(context, (request) => (request.url.includes("/v2/coupons") ? { status: 400, body: "[]" } : undefined));
  const answer = await sync();
  assert.equal(answer.status, 200);
  let text = "";
  await assert.rejects(async () => {
    for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) text += piece;
  });
  const broken = Messages.of(text.slice(0, text.lastIndexOf("\n") + 1));
  assert.ok(broken.counts.products > 0 && broken.state);
  await until("the log names the failure", () => /CRITICAL.*\[api\]/.test(worker.log));
  proxy.meddle = () => ({ status: 401, body: "{}" });
  assert.equal(await refused(await sync(), 502), "unauthorized");
  proxy.meddle = () => undefined;
  const rest = Messages.of(await (await sync({ state: broken.state })).text());
  assert.deepEqual(Messages.union(broken, rest), Messages.of(await (await sync()).text()).records);
});

test("one Worker reads the store that each call names, and no path outside the stores", async () => {
  const asked = new Set();
  await using proxy = await Proxy.start(({ url, headers }) => {
    const [, stores, hash] = url.split("/");
    asked.add([stores, hash, headers["x-auth-token"]].join());
    if (hash !== store.store_hash) return { status: 401, body: "{}" };
  });
  const own = { TAP_BIGCOMMERCE_API_URL: proxy.url, TAP_BIGCOMMERCE_EDGE_CONFIG: "body", TAP_BIGCOMMERCE_STORE_HASH: "", TAP_BIGCOMMERCE_MAX_CONCURRENCY: "" };
  await using many = await Workerd.start(variables(own));
  const read = (config) => ask("/sync", { method: "POST", body: JSON.stringify({ config }) }, many);
  const { store_hash, access_token } = store;
  const answer = await read({ store_hash, access_token });
  assert.equal(answer.status, 200);
  assert.deepEqual(Messages.of(await answer.text()).counts, JSON.parse(process.env.TAP_BIGCOMMERCE_TEST_COUNTS));
  assert.ok(proxy.mostWaiting <= 6, `${proxy.mostWaiting} requests at a time`);
  assert.equal(await refused(await read({ store_hash: "another", access_token: "another-token" }), 502), "unauthorized");
  const expected = [`stores,${store_hash},${access_token}`, "stores,another,another-token"];
  assert.deepEqual([...asked], expected);
  for (const config of [undefined, { store_hash }, { store_hash: "..", access_token }, { store_hash: "a/../b", access_token }]) {
    assert.equal(await refused(await read(config), 400), "config");
  }
  assert.equal(await refused(await read({ store_hash, access_token, api_url: "https://api.example.com" }), 400), "body");
  assert.deepEqual([...asked], expected);
  assert.ok(!many.log.includes(access_token) && !many.log.includes("another-token"));
});

test("a variable with nothing in it is absent", () => {
  const reached = (variables) => reach((setting) => variables[setting]);
  const standard = { origin: "https://api.bigcommerce.com", prefix: "/stores/abc/" };
  for (const API_URL of [undefined, "", " "]) assert.deepEqual(reached({ API_URL, STORE_HASH: " abc " }), standard);
  assert.deepEqual(reached({ EDGE_CONFIG: "body", STORE_HASH: "abc" }), { ...standard, prefix: "/stores/" });
  assert.deepEqual(reached({ API_URL: "nowhere", EDGE_CONFIG: "yes", STORE_HASH: "abc" }), { ...standard, origin: undefined });
});

test("three syncs at the same time bring the same records", async () => {
  const runs = await Promise.all([1, 2, 3].map(async () => Messages.of(await (await sync()).text()).records));
  for (const records of runs) assert.deepEqual(records, runs[0]);
});

test("the access token is sent to the store, and is in no log and no answer", async (context) => {
  // Another place, which must not be followed, and a store that repeats what it was sent.
  const odd = [
    { status: 302, headers: { location: `${store.api_url}/stores/${store.store_hash}/v2/coupons` } },
    { status: 400, body: JSON.stringify([{ status: 400, message: `bad: ${store.access_token}` }]) },
  ];
  for (const answer of odd) {
    let sent = 0;
    meddling(context, (request) => {
      sent += Number(request.headers["x-auth-token"] === store.access_token);
      return request.url.includes("/v2/coupons") ? answer : undefined;
    });
    const before = proxy.requests;
    const text = await (await sync({ select: ["coupons"] })).text().catch(() => "");
    assert.ok(sent > 0 && sent === proxy.requests - before);
    assert.ok(!(text + worker.log).includes(store.access_token) && !text.includes('"RECORD"'));
  }
});
