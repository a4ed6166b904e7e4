// What may be asked for, whatever the component tries.

import assert from "node:assert/strict";
import { test } from "node:test";
import { door } from "../src/door.js";
import { Fields } from "../src/wasi/http.js";
import { OutgoingRequest } from "../src/wasi/outgoing.js";

const sent = [];
const send = door({
  origin: "https://api.example.com",
  prefix: "/stores/abc/",
  fromComponent: ["accept", "user-agent"],
  headers: [["x-auth-token", "t0ken"]],
  transport: async (url, headers) => {
    sent.push([url.href, headers]);
    return { status: 200, headers: [], body: null };
  },
});

function ask(scheme, authority, path, headers = []) {
  const request = new OutgoingRequest(Fields.of(headers));
  request.setScheme({ tag: scheme });
  request.setAuthority(authority);
  request.setPathWithQuery(path);
  return send(request, new AbortController().signal);
}

test("only plain paths below the store's, at its origin, are asked for", async () => {
  const good = ["HTTPS", "api.example.com", "/stores/abc/v2/orders?page=1"];
  const [scheme, authority] = good;
  await ask(...good);
  await ask(scheme, "api.example.com:443", "/stores/abc/v3/catalog/products?id:in=1,2&x=../y");
  assert.equal(sent.length, 2);
  const refused = [
    ["HTTP", authority, good[2]],
    [scheme, "example.com", good[2]],
    [scheme, "api.example.com:8443", good[2]],
    [scheme, "api.example.com@example.com", good[2]],
    [scheme, "user:word@api.example.com", good[2]],
    [scheme, "", good[2]],
  ];
  for (const path of [
    "/stores/abc",
    "/stores/abc/",
    "/stores/abd/v2/orders",
    "/stores/abc/../abd/v2/orders",
    "/stores/abc/v2/%2e%2e/orders",
    "/stores/abc/v2//orders",
    "/stores/abc/v2\\orders",
    "/stores/abc/./orders",
    "//example.com/stores/abc/v2/orders",
    "@example.com/stores/abc/v2",
    "/stores/abc/v2/orders#x",
  ]) {
    refused.push([scheme, authority, path]);
  }
  for (const request of refused) {
    await assert.rejects(ask(...request), ({ code }) => code.tag === "HTTP-request-denied", request.join(" "));
  }
  assert.equal(sent.length, 2);
});

test("the component chooses two headers, and the credentials are added", async () => {
  sent.length = 0;
  const chosen = { Accept: "a", "User-Agent": "u", "X-Auth-Token": "other", Host: "example.com", "Content-Length": "3" };
  await ask("HTTPS", "api.example.com", "/stores/abc/v2/orders", Object.entries(chosen));
  assert.deepEqual(sent[0][1], [["accept", "a"], ["user-agent", "u"], ["x-auth-token", "t0ken"]]);
});
