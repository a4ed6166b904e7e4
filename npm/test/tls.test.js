// https from Node: whom it trusts, and the way through a proxy.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import tls from "node:tls";
import { sync } from "tap-bigcommerce";
import { Messages, Proxy, store } from "./store.js";

const read = (name) => readFileSync(join(process.env.TAP_BIGCOMMERCE_TEST_CERTIFICATES ?? "", name), "utf8");
const certified = () => Proxy.start(undefined, store, { key: read("server.key"), cert: read("server.pem") });
const trust = () => tls.setDefaultCACertificates([...tls.getCACertificates("default"), read("ca.pem")]);

async function records(proxy) {
  const messages = new Messages();
  await sync({ config: { ...proxy.config, max_concurrency: 5 }, select: ["customers", "coupons"], sink: messages.take });
  return messages.records;
}

test("a certificate that nobody vouches for is refused before the token is sent", async () => {
  await using proxy = await certified();
  await assert.rejects(records(proxy), ({ kind, message }) => kind === "unreachable" && message.includes("certificate"));
  assert.equal(proxy.requests, 0);
});

test("a run over TLS brings the same records, over no more connections", async () => {
  trust();
  await using plain = await Proxy.start();
  await using proxy = await certified();
  assert.deepEqual(await records(proxy), await records(plain));
  assert.ok(proxy.most <= 5 && proxy.requests > proxy.most, `${proxy.most} connections, ${proxy.requests} requests`);
});

test("https goes through the proxy that the environment names, and http does not", async (context) => {
  trust();
  let tunnels = 0;
  const seen = [];
  const way = http.createServer((_, response) => response.writeHead(500).end());
  way.on("connect", (request, socket) => {
    tunnels += 1;
    const [host, port] = request.url.split(":");
    const store = net.connect(Number(port), host, () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
    store.pipe(socket).pipe(store);
    socket.on("data", (bytes) => seen.push(bytes));
    for (const end of [store, socket]) end.on("error", () => [store, socket].forEach((end) => end.destroy()));
  });
  way.listen(0, "127.0.0.1");
  await once(way, "listening");
  process.env.HTTPS_PROXY = `http://127.0.0.1:${way.address().port}`;
  process.env.HTTP_PROXY = process.env.HTTPS_PROXY;
  context.after(() => {
    for (const name of ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"]) delete process.env[name];
    way.closeAllConnections();
    way.close();
  });
  await using plain = await Proxy.start();
  const expected = await records(plain);
  assert.equal(tunnels, 0);
  await using proxy = await certified();
  assert.deepEqual(await records(proxy), expected);
  assert.ok(tunnels > 0 && tunnels <= 5, `${tunnels} tunnels`);
  assert.ok(!Buffer.concat(seen).includes(store.access_token));
  process.env.NO_PROXY = "127.0.0.1";
  const before = tunnels;
  assert.deepEqual(await records(proxy), expected);
  assert.equal(tunnels, before);
});
