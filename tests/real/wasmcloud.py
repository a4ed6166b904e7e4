#!/usr/bin/env -S python3 -B
"""Many stores on wasmCloud: two hosts run the component's edge interface, a workload for each store, and one host is killed. The caller has
each store's last STATE, starts its workload on the other host, and continues from there. Every store arrives with every record.

Workloads are started as wasmCloud's operator for Kubernetes does it, by messages over NATS. All of it listens on 127.0.0.1, on free ports.
"""

import asyncio
import concurrent.futures
import contextlib
import hashlib
import http.client
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

from pinned import with_packages_of
from real import MOMENT, check, folder, program
from shards import check_complete, component, stores, truth

# Half of them on each host.
STORES = 4
# What is asked for at a time. A store has some 4,200 records.
SLICE = {"max_records": 700}
LONGEST = 180
TOKEN = "edge-token-of-this-test"
SETTINGS = ("api_url", "store_hash", "access_token")


class Registry(http.server.ThreadingHTTPServer):
    """An OCI registry with one image, which is the component."""

    def __init__(self, wasm):
        layer, config = wasm.read_bytes(), b"{}"
        digests = {kind: "sha256:" + hashlib.sha256(blob).hexdigest() for kind, blob in (("layer", layer), ("config", config))}
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.wasm.config.v0+json", "digest": digests["config"], "size": len(config)},
            "layers": [{"mediaType": "application/wasm", "digest": digests["layer"], "size": len(layer)}],
        }
        self.blobs = {f"/v2/tap/blobs/{digests['layer']}": layer, f"/v2/tap/blobs/{digests['config']}": config}
        self.manifest = json.dumps(manifest).encode(), manifest["mediaType"]
        super().__init__(("127.0.0.1", 0), Image)
        self.image = f"127.0.0.1:{self.server_port}/tap:test"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Image(http.server.BaseHTTPRequestHandler):
    """Answers to whoever pulls the image."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        text, kind = self.server.blobs.get(self.path), "application/octet-stream"
        if self.path.startswith("/v2/tap/manifests/"):
            text, kind = self.server.manifest
        elif self.path == "/v2/":
            text, kind = b"{}", "application/json"
        self.send_response(200 if text is not None else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text or b"")))
        if text is not None:
            self.send_header("Docker-Content-Digest", "sha256:" + hashlib.sha256(text).hexdigest())
        self.end_headers()
        if self.command == "GET" and text is not None:
            self.wfile.write(text)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


def read_when(path, pattern, process):
    """What a pattern finds in the log of a process; ends the script if it does not come."""
    late = time.monotonic() + MOMENT
    while not (found := re.search(pattern, path.read_text())):
        if time.monotonic() > late or process.poll() is not None:
            sys.exit(f"FAILED: {path.name} does not say {pattern}: {path.read_text()[-3000:]}")
        time.sleep(0.05)
    return found[1]


def begin(stack, work, name, *command):
    log = work / f"{name}.log"
    environment = os.environ | {"HOME": str(work), "NO_COLOR": "1"}
    with open(log, "w") as output:
        process = subprocess.Popen([str(word) for word in command], stdout=output, stderr=output, env=environment)
    stack.callback(process.wait, MOMENT)
    stack.callback(process.kill)
    return process, log


class Host:
    """A host of wasmCloud."""

    def __init__(self, stack, work, wash, nats, name):
        address = ["--scheduler-nats-url", nats, "--data-nats-url", nats, "--http-addr", "127.0.0.1:0", "--host-name", name]
        # The registry and the stores are on the loopback interface, which hosts refuse otherwise.
        local = ["--allow-insecure-registries", "--deny-special-ranges", "false", "--oci-cache-dir", work / f"cache-{name}"]
        self.process, log = begin(stack, work, name, wash, "host", *address, *local)
        self.port = int(read_when(log, r"HTTP server listening addr=127\.0\.0\.1:(\d+)", self.process))
        self.id = read_when(log, r'Host started host_id="([^"]+)"', self.process)


class Workload:
    """One store's component on one host at a time, and what its caller has from it: the messages, and in them the last STATE."""

    def __init__(self, name, config, image, nats):
        self.name, self.config, self.image, self.nats = name, config, image, nats
        self.lines, self.kept, self.state, self.resumed, self.host = [], 0, None, False, None

    def start(self, host):
        """Starts the component on a host; the settings of its store are its environment."""
        settings = {f"TAP_BIGCOMMERCE_{key.upper()}": self.config[key] for key in SETTINGS} | {"TAP_BIGCOMMERCE_EDGE_TOKEN": TOKEN}
        resources = {"memoryLimitMb": 256, "allowedHosts": [self.config["api_url"]], "environment": settings}
        incoming = {"namespace": "wasi", "package": "http", "interfaces": ["incoming-handler"], "config": {"host": f"{self.name}.local"}}
        world = {"components": [{"name": "tap", "image": self.image, "localResources": resources}], "hostInterfaces": [incoming]}
        told = asyncio.run(self.ask(host, {"workloadId": self.name, "workload": {"namespace": "default", "name": self.name, "witWorld": world}}))
        if told.get("workloadStatus", {}).get("workloadState") != "WORKLOAD_STATE_RUNNING":
            sys.exit(f"FAILED: {self.name} does not start: {told}")
        self.host = host

    async def ask(self, host, body):
        import nats

        async with await nats.connect(self.nats) as connection:
            answer = await connection.request(f"runtime.host.{host.id}.workload.start", json.dumps(body).encode(), timeout=MOMENT)
            return json.loads(answer.data)

    def read(self, other):
        """Asks for slice after slice until everything is read. When its host is lost, the other one continues."""
        late = time.monotonic() + LONGEST
        while not (self.slice() and not self.state.get("currently_syncing")):
            if self.host.process.poll() is not None:
                if self.host is other:
                    raise RuntimeError(f"{self.name} has no host any more")
                self.resumed = self.state is not None
                self.start(other)
            if time.monotonic() > late:
                raise TimeoutError(f"{self.name} is not complete within {LONGEST} s")

    def slice(self):
        """One slice; whether its response was whole. What came after the last STATE is dropped: it comes again."""
        del self.lines[self.kept :]
        connection = http.client.HTTPConnection("127.0.0.1", self.host.port, timeout=MOMENT)
        headers = {"Host": f"{self.name}.local", "Authorization": f"Bearer {TOKEN}"}
        try:
            connection.request("POST", "/sync", json.dumps({**SLICE, "state": self.state}), headers)
            response = connection.getresponse()
            if response.status != 200:
                raise RuntimeError(f"{self.name}: {response.status} {response.read(1000)}")
            for line in response:
                if not line.endswith(b"\n"):
                    return False
                self.lines.append(line)
                if line.startswith(b'{"type":"STATE"'):
                    self.state, self.kept = json.loads(line)["value"], len(self.lines)
            return True
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def main():
    # The client for NATS is there, too.
    bin = with_packages_of("wasmcloud")
    tap = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else program()
    # The wheel's own start script is a parent that does not pass signals on.
    wash = next(bin.parent.glob("lib/python*/site-packages/wash_cli/wash"))
    with folder() as work, stores(STORES) as configs, Registry(component()) as registry, contextlib.ExitStack() as stack:
        began = time.monotonic()
        process, log = begin(stack, work, "nats", bin / "nats-server", "--addr", "127.0.0.1", "--port", "-1")
        nats = "nats://" + read_when(log, r"Listening for client connections on (\S+)", process)
        first, second = (Host(stack, work, wash, nats, name) for name in ("first", "second"))
        workloads = [Workload(name, config, registry.image, nats) for name, config in configs.items()]
        for number, workload in enumerate(workloads):
            workload.start((first, second)[number % 2])
        print(f"two hosts and {STORES} workloads after {time.monotonic() - began:.1f} s", flush=True)

        with concurrent.futures.ThreadPoolExecutor(STORES) as pool:
            try:
                ends = [pool.submit(workload.read, first) for workload in workloads]
                lost = workloads[1::2]
                while not all(workload.state for workload in lost) and not any(end.done() for end in ends):
                    time.sleep(0.05)
                second.process.kill()
                print(f"the second host is killed after {time.monotonic() - began:.1f} s", flush=True)
                for end in ends:
                    end.result()
            except BaseException:
                # Without hosts the callers end.
                first.process.kill()
                second.process.kill()
                raise
        print(f"every store is read after {time.monotonic() - began:.1f} s", flush=True)
        check(all(workload.resumed for workload in lost), "the stores of the second host resumed on the first one from their STATE")
        for name in ("first", "second", "nats"):
            text = (work / f"{name}.log").read_text()
            secrets = [TOKEN, *(config["access_token"] for config in configs.values())]
            check(not any(secret in text for secret in secrets), f"the log {name} shows no token")
        for workload in workloads:
            check_complete(workload.name, workload.lines, truth(tap, workload.name, work))


if __name__ == "__main__":
    main()
