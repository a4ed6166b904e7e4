"""What the scripts in this folder share: the built program, the simulated store, fresh environments, folders that go away."""

import contextlib
import functools
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()

# Exit normally on SIGTERM, so that processes are stopped and files are removed then too.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


# No command takes longer, builds included.
LONGEST = 1800
# How long a program may take to start or to end.
MOMENT = 60


def run(*command, **options):
    """Runs a command and gives what it wrote; its failure ends the script with both of its outputs."""
    words = [str(word) for word in command]
    print("$", " ".join(words), flush=True)
    try:
        done = subprocess.run(words, text=True, capture_output=True, check=False, timeout=LONGEST, **options)
    except subprocess.TimeoutExpired as late:
        sys.exit(f"{late.stdout}{late.stderr}\nFAILED: it ran for more than {LONGEST} s: {' '.join(words)}")
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}\nFAILED ({done.returncode}): {' '.join(words)}")
    return done.stdout


@contextlib.contextmanager
def started(*command, **options):
    """A process whose output is a pipe for the block. After the block it has a moment to end, then it is killed and the script ends."""
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, **options) as process:
        try:
            yield process
            process.stdout.close()
            process.wait(timeout=MOMENT)
        finally:
            process.kill()


def check(true, what):
    """Ends the script unless this holds."""
    if not true:
        sys.exit(f"FAILED: {what}")
    print("ok:", what, flush=True)


@contextlib.contextmanager
def folder():
    """A folder for all that a script writes."""
    with tempfile.TemporaryDirectory(prefix="tap-bigcommerce-") as made:
        yield pathlib.Path(made)


def program():
    """The program, built as the tests build it."""
    run("cargo", "build", "--locked", "--release", "--bin", "tap-bigcommerce", cwd=ROOT)
    return TARGET / "release" / "tap-bigcommerce"


@functools.cache
def example(name):
    """The program of an example. Not by its package: its dependencies would be built with other features than the tests have, and once more."""
    run("cargo", "build", "--locked", "--release", "--example", name, cwd=ROOT)
    return TARGET / "release" / "examples" / name


class Environment:
    """A fresh Python environment with packages from the registry or from files."""

    def __init__(self, path, *packages):
        self.path = path
        run(sys.executable, "-m", "venv", path)
        run(self.bin("pip"), "install", "--quiet", "--disable-pip-version-check", *packages)

    def bin(self, name):
        return self.path / ("Scripts" if os.name == "nt" else "bin") / name


def wheel(maturin, to):
    """The wheel of this tree, built in the target folder that the other builds use."""
    run(maturin, "build", "--release", "--out", to, cwd=ROOT, env=os.environ | {"CARGO_TARGET_DIR": str(TARGET)})
    return next(to.glob("*.whl"))


class Store:
    """The simulated store, on a free port, and its records as its own API returns them. Its words are those of its program."""

    def __init__(self, **words):
        self.words = [f"{name}={value}" for name, value in words.items()]

    def __enter__(self):
        serve = [example("serve"), *self.words]
        self.process = subprocess.Popen(serve, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        late = threading.Timer(MOMENT, self.process.kill)
        late.daemon = True
        late.start()
        text = ""
        while not text.endswith("}\n"):
            text += self.process.stdout.readline() or sys.exit("FAILED: the simulated store did not start")
        late.cancel()
        self.config = json.loads(text)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def get(self, path):
        url = f"{self.config['api_url']}/stores/{self.config['store_hash']}{path}"
        headers = {"X-Auth-Token": self.config["access_token"], "Accept": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=MOMENT) as answer:
            return json.loads(answer.read() or "[]")

    def records(self, path):
        """All records of a list, of API v2 or v3: pages until one is empty."""
        found, page = [], 1
        while True:
            answer = self.get(f"{path}{'&' if '?' in path else '?'}limit=250&page={page}")
            rows = answer["data"] if isinstance(answer, dict) else answer
            if not rows:
                return found
            found += rows
            page += 1

    def counts(self):
        """The records of each stream."""
        orders = [order["id"] for order in self.records("/v2/orders") + self.records("/v2/orders?is_deleted=true")]
        return {
            "orders": len(orders),
            "order_products": sum(len(self.records(f"/v2/orders/{order}/products")) for order in orders),
            "customers": len(self.records("/v3/customers")),
            "products": len(self.records("/v3/catalog/products")),
            "coupons": len(self.records("/v2/coupons")),
        }


@contextlib.contextmanager
def postgres():
    """The URL of a PostgreSQL server of its own."""
    with started(example("postgres"), stdin=subprocess.PIPE, text=True) as server:
        yield server.stdout.readline().strip() or sys.exit("FAILED: PostgreSQL did not start")
        server.stdin.close()


def lines(text):
    """The JSON values of a text with one in each line: str.splitlines would also split at characters inside values."""
    return [json.loads(line) for line in text.split("\n") if line]
