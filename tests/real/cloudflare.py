#!/usr/bin/env -S python3 -B
"""The Worker: the bundle that `wrangler deploy` would upload and its size, the tests in npm/test with it in workerd, and `wrangler dev` once."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

from javascript import PACKAGE, environment, node, package, test, tested
from real import MOMENT, Store, check, folder, lines

# Cloudflare takes 3 MiB on its free plan. This is what it has, and a little more: a bundle that grows is worth a look.
MOST_GZIP = 800  # KiB
TOKEN = "sixteen-bytes-ok"
WRANGLER = PACKAGE / "node_modules" / "wrangler" / "bin" / "wrangler.js"
LARGE = 1000  # orders


def bundle(work):
    told = node(WRANGLER, "deploy", "--dry-run", "--outdir", work / "bundle", cwd=PACKAGE)
    size = re.search(r"Total Upload: ([\d.]+) KiB / gzip: ([\d.]+) KiB", told)
    check(size and float(size[2]) <= MOST_GZIP, f"the bundle has {size and size[0]}, {MOST_GZIP} KiB at most")
    return work / "bundle"


@contextlib.contextmanager
def development(work, config):
    """`wrangler dev`, and its address."""
    variables = {
        "API_URL": config["api_url"],
        "STORE_HASH": config["store_hash"],
        "ACCESS_TOKEN": config["access_token"],
        "EDGE_TOKEN": TOKEN,
    }
    (work / "variables").write_text("".join(f"TAP_BIGCOMMERCE_{name}={value}\n" for name, value in variables.items()))
    command = [tested(), WRANGLER, "dev", "--ip", "127.0.0.1", "--port", "0", "--inspector-port", "0"]
    command += ["--env-file", work / "variables", "--persist-to", work / "persisted"]
    log = work / "wrangler.log"
    with open(log, "w") as output:
        # It starts programs of its own, which end with it.
        process = subprocess.Popen(
            command, cwd=PACKAGE, env=environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        end = time.monotonic() + MOMENT
        while not (found := re.search(r"Ready on (http://127\.0\.0\.1:\d+)", log.read_text())):
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"FAILED: wrangler dev does not start\n{log.read_text()}")
            time.sleep(0.1)
        yield found[1]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=MOMENT)
            finally:
                os.killpg(process.pid, signal.SIGKILL)


def ask(url, body=None, token=TOKEN):
    request = urllib.request.Request(url, data=body, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=MOMENT) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def main():
    package()
    with folder() as work, Store(orders=60) as store, Store(orders=LARGE) as large:
        counts = store.counts()
        settings = {
            "TAP_BIGCOMMERCE_TEST_STORE": json.dumps(store.config),
            "TAP_BIGCOMMERCE_TEST_LARGE_STORE": json.dumps(large.config),
            "TAP_BIGCOMMERCE_TEST_COUNTS": json.dumps(counts),
            "TAP_BIGCOMMERCE_TEST_BUNDLE": str(bundle(work)),
        }
        test("worker", settings=settings)
        with development(work, store.config) as url:
            check(ask(f"{url}/sync", b"{}", "another-token-of-16")[0] == 401, "wrangler dev: another token is refused")
            status, text = ask(f"{url}/sync", b"{}")
            found = [message["stream"] for message in lines(text) if message["type"] == "RECORD"]
            check(status == 200 and {stream: found.count(stream) for stream in counts} == counts, f"wrangler dev: the whole store: {counts}")


main()
