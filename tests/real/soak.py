#!/usr/bin/env -S python3 -B
"""Runs over a store of 100,000 orders in one go, some 300,000 requests: through the program, and through the component's command interface
under the stock `wasmtime run`. Each brings every order, and its memory does not grow: the peak at the end is within 5 MB of the peak after the
first 10,000 requests.

    soak.py [ORDERS]    fewer orders for a short try
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

from real import TARGET, Store, check, folder, program, run

ORDERS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
LISTS = 3  # asked for inside each order
SETTLED = 10_000  # requests
MOST_GROWTH = 5_000  # kB

# Where .ci/install puts the stock command line of wasmtime.
WASMTIME = TARGET / "tools" / "wasmtime" / "wasmtime_cli" / "wasmtime"


def component():
    build = ["cargo", "build", "--locked", "-p", "tap-bigcommerce-guest", "--target", "wasm32-wasip2", "--profile", "component"]
    run(*build, cwd=pathlib.Path(__file__).resolve().parents[2])
    return TARGET / "wasm32-wasip2" / "component" / "tap_bigcommerce.wasm"


class Peak:
    """The most memory that a process had, in kB, since this was made: what it needs to start is left out."""

    def __init__(self, process):
        self.folder = pathlib.Path("/proc", str(process.pid))
        (self.folder / "clear_refs").write_text("5")
        self.kilobytes = 0

    def read(self):
        found = re.search(r"VmHWM:\s*(\d+) kB", (self.folder / "status").read_text())
        if found:  # not in a process that has just ended
            self.kilobytes = int(found[1])
        return self.kilobytes


def soak(name, command, work):
    command = [str(word) for word in command]
    print("$", " ".join(command), flush=True)
    begun, records, peak, settled = time.monotonic(), 0, None, None
    with open(work / "log", "w+") as log:
        with subprocess.Popen(command, cwd=work, stdout=subprocess.PIPE, stderr=log) as process:
            for line in process.stdout:
                records += line.startswith(b'{"type":"RECORD"')
                peak = peak or Peak(process)
                if records % 500 == 0 or records == ORDERS:
                    peak.read()
                if not settled and records * LISTS >= min(SETTLED, ORDERS * LISTS // 2):
                    settled = peak.read()
        log.seek(0)
        text = log.read()
    if process.returncode:
        sys.exit(f"FAILED: {name}: exit code {process.returncode}\n{text[-2000:]}")
    metrics = [json.loads(metric) for metric in re.findall(r"METRIC: (\{.*\})", text)]
    requests = sum(metric["value"] for metric in metrics if metric["metric"] == "http_request_count")
    check(records == ORDERS and requests >= ORDERS * LISTS, f"{name}: {records} orders, {requests} requests, {time.monotonic() - begun:.0f} s")
    growth = peak.kilobytes - settled
    check(growth <= MOST_GROWTH, f"{name}: a peak of {settled} kB after the first requests, {peak.kilobytes} kB at the end")


def main():
    if os.uname().sysname != "Linux":
        sys.exit("FAILED: memory is read from /proc, which only Linux has")
    tap = program()
    with folder() as work, Store(orders=ORDERS) as store:
        (work / "config.json").write_text(json.dumps(store.config))
        reads = ["--config", "config.json", "--select", "orders"]
        soak("tap-bigcommerce", [tap, *reads], work)
        soak("wasmtime run", [WASMTIME, "run", "-S", "http", "--dir", ".", component(), *reads], work)


main()
