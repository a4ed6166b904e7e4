"""What is measured: each way to read a store, as a command."""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

from real import LONGEST, ROOT, TARGET, Store

# The default streams, with every list of their records.
EVERYTHING = "orders.*,order_products.*,customers.*,products.*,coupons.*"
# What the Python tap reads, except customers: it asks for them day by day in a version of the API that the simulated store does not have.
PYTHON_STREAMS = ("orders", "products", "coupons")
# The most requests in flight, of the tap and of the bare download.
IN_FLIGHT = 64
LATENCY_MS = 50
# Stands for 150 requests in 30 seconds, the quota of small stores, in a tenth of the time.
QUOTA, SECONDS = 150, 3


@dataclasses.dataclass
class Run:
    """What one run has taken."""

    wall: float
    cpu: float
    memory: int
    requests: int
    refused: int


@dataclasses.dataclass
class Row:
    """What is known of a subject: its runs, and why there are none."""

    name: str
    runs: list = dataclasses.field(default_factory=list)
    missing: str = ""

    def median(self, what):
        return statistics.median(getattr(run, what) for run in self.runs)

    def most(self, what):
        return max(getattr(run, what) for run in self.runs)

    def least(self, what):
        return min(getattr(run, what) for run in self.runs)


class Shop(Store):
    """A simulated store in a process of its own that says what it was asked, with a folder for those that read it."""

    def __init__(self, work, **words):
        super().__init__(**{"keep_answers": "true", "log": work / "requests", **words})
        self.work = work

    def __enter__(self):
        super().__enter__()
        (self.work / "config.json").write_text(json.dumps(self.config))
        (self.work / "embedded.json").write_text(json.dumps(self.config | {"order_lines": "embedded"}))
        # The Python tap needs a start; every record of the store comes after this one.
        (self.work / "python.json").write_text(json.dumps(self.config | {"start_date": "2020-01-01T00:00:00Z"}))
        return self

    def asked(self):
        """What came since the last call: `requests`, and how many of them were `refused`. The requests are in the file."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def targets(self):
        return [line.split(" ", 1)[1] for line in (self.work / "requests").read_text().splitlines()]


class Tools:
    """The programs, as this machine has them."""

    def __init__(self, program, component, native, wasmtime, python):
        self.program, self.component, self.native = program, component, native
        self.wasmtime, self.python = wasmtime, python

    def environment(self, work):
        """Nothing of this user's: caches of compiled code are in the folder."""
        return {"PATH": os.environ["PATH"], "HOME": str(work), "LANG": "C.UTF-8"}

    def tap(self, *arguments, rules=EVERYTHING, config="config.json"):
        return [self.program, "--config", config, "--select", rules, *arguments]

    def embedded(self, rules=EVERYTHING):
        """This tap with `order_lines: embedded`: the same records with far fewer requests."""
        return self.tap(rules=rules, config="embedded.json")

    def commands(self, rules=EVERYTHING):
        """Each way to run this tap, and how fast the same answers come without it."""
        under_wasmtime = [self.wasmtime, "run", "-S", "http", "--dir", ".", self.component, "--config", "config.json", "--select", rules]
        return {
            "this tap": self.tap(rules=rules),
            "this tap, into SQLite": self.tap("--output", "sqlite:out.db", rules=rules),
            "this tap, into JSONL": self.tap("--output", "jsonl:out", rules=rules),
            "its component under wasmtime": under_wasmtime if self.wasmtime else None,
            "its core, built natively": [self.native, "config.json", rules],
            "bare download": bare(),
        }

    def python_commands(self, shop):
        """The Python tap, and this one with the same catalog."""
        if not self.python:
            return {}
        shim = [self.python, "-B", ROOT / "benches" / "python_tap.py", shop.config["api_url"], "--config", "python.json"]
        write_catalog(self, shop, shim)
        return {
            "the Python tap": [*shim, "--catalog", "catalog.json"],
            "this tap, the same catalog": [self.program, "--config", "python.json", "--catalog", "catalog.json"],
        }


def bare():
    curl = shutil.which("curl")
    limits = ["--parallel", "--parallel-max", str(IN_FLIGHT), "--max-time", str(LONGEST)]
    return curl and [curl, "--silent", "--fail", "--globoff", *limits, "--config", "curl.config"]


def write_requests(shop):
    """The requests that the store was asked last, for curl."""
    origin, token = shop.config["api_url"], shop.config["access_token"]
    headers = [f"X-Auth-Token: {token}", "Accept: application/json", "Accept-Encoding: gzip"]
    lines = [f'header = "{header}"' for header in headers] + [f'url = "{origin}{target}"' for target in shop.targets()]
    (shop.work / "curl.config").write_text("\n".join(lines) + "\n")


def write_catalog(tools, shop, shim):
    """The Python tap's own catalog, with these streams and all of their fields selected."""
    words = [*map(str, shim), "--discover"]
    found = subprocess.run(words, cwd=shop.work, env=tools.environment(shop.work), capture_output=True, text=True, check=False)
    if found.returncode:
        sys.exit(f"{found.stderr}\nFAILED: the Python tap writes no catalog")
    catalog = json.loads(found.stdout)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = stream["stream"] in PYTHON_STREAMS
    (shop.work / "catalog.json").write_text(json.dumps(catalog))


def asked_per_order(targets):
    """The requests for one order alone, and how many orders they are for."""
    orders = [found[1] for target in targets if (found := re.search(r"/v2/orders/(\d+)", target))]
    return len(orders), len(set(orders))


def take(shop, command, tools):
    """Runs a command to its end and gives its measures. What an earlier run has written is gone."""
    clear(shop.work)
    shop.asked()
    words = [sys.executable, "-I", "-S", ROOT / "benches" / "measure.py", "measures.json", *command]
    log = shop.work / "log"
    with open(log, "w") as stderr:
        done = subprocess.run(
            [str(word) for word in words],
            cwd=shop.work,
            env=tools.environment(shop.work),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            check=False,
            timeout=LONGEST,
        )
    if done.returncode:
        sys.exit(f"{log.read_text()[-2000:]}\nFAILED: {' '.join(map(str, command))}")
    measures = json.loads((shop.work / "measures.json").read_text())
    return Run(**measures, **shop.asked())


def clear(work):
    for file in work.glob("out.db*"):
        file.unlink()
    shutil.rmtree(work / "out", ignore_errors=True)


def records(text):
    """How many RECORD messages there are of each stream."""
    counted = {}
    for line in text.split(b"\n"):
        if line.startswith(b'{"type":"RECORD"') or line.startswith(b'{"type": "RECORD"'):
            stream = json.loads(line)["stream"]
            counted[stream] = counted.get(stream, 0) + 1
    return counted


def wasmtime(named):
    """The wasmtime program: the one that is named, or on the PATH, or where .ci/install puts it."""
    found = named or shutil.which("wasmtime") or TARGET / "tools" / "wasmtime" / "wasmtime_cli" / "wasmtime"
    return pathlib.Path(found).resolve() if pathlib.Path(found).exists() else None
