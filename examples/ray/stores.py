"""Many stores on a Ray cluster: a task for each store, which runs the component inside Ray's worker, by wasmtime from PyPI.

    pip install ray wasmtime            # on every node
    python stores.py tap_bigcommerce.wasm stores/ out/

`stores/` has a config file for each store, `NAME.json`; `out/NAME/messages.jsonl` gets its messages. All nodes share both folders and the
component. Only names are sent through Ray, so no token is in its arguments, logs or dashboard.

The state of a store is the last STATE in its messages, so state and messages cannot contradict each other. When a node dies, Ray runs its
tasks again on another one, and each resumes from that STATE. A lock on the file keeps a second task away from a store: two at a time would
share its quota and spoil its messages.

`tests/real/ray.py` runs this file on two nodes, kills one, and compares all records.
"""

import collections
import contextlib
import errno
import fcntl
import json
import mmap
import os
import pathlib
import re
import sys
import time

import ray
from wasmtime import Config, Engine, Store, WasiConfig
from wasmtime.component import Component, Linker

# A node that has lost the cluster needs a moment to end its tasks.
LOCK_SECONDS = 120
# The kinds of failure that may pass. The others need a person.
PASSING = ("unreachable", "rate-limited", "api")


@contextlib.contextmanager
def messages(folder):
    """The store's messages, to append to, and its last STATE. What a killed run wrote after that STATE is cut off: it is read again."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(os.open(folder / "messages.jsonl", os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0) as file:
        late = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > late:
                    raise RuntimeError(f"another task still reads this store: {folder}; run the job again when it has ended") from None
                time.sleep(1)
        state, end = last_state(file)
        file.truncate(end)
        file.seek(end)
        yield file, state
        os.fsync(file.fileno())


def last_state(file):
    """The last whole line that is a STATE, and where it ends."""
    if not os.fstat(file.fileno()).st_size:
        return None, 0
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        begin = len(text)
        while (begin := text.rfind(b'{"type":"STATE"', 0, begin)) >= 0:
            end = text.find(b"\n", begin) + 1
            if end and (begin == 0 or text[begin - 1 : begin] == b"\n"):
                return text[begin:end], end
    return None, 0


def run(component, settings, folder, file, state):
    """Runs the component; its messages go to the file. Whether it read everything, and the last line of its log."""
    log, failures = collections.deque(maxlen=100), []

    def write(piece):
        try:
            rest = memoryview(piece)
            while rest:
                rest = rest[file.write(rest) :]
        except OSError as failure:
            failures.append(failure)
            # The component takes this for the end of its output, and ends.
            return -errno.EIO
        return len(piece)

    def tell(piece):
        # Into the log of Ray's worker.
        sys.stderr.write(bytes(piece).decode(errors="replace"))
        log.append(bytes(piece))

    wasi, arguments = WasiConfig(), ["tap-bigcommerce", "--config", "ENV"]
    if state:
        (folder / "state.json").write_bytes(state)
        wasi.preopen_dir(str(folder), "/state", False)
        arguments += ["--state", "/state/state.json"]
    wasi.argv = arguments
    # The environment of the component, which is not that of this process.
    text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in settings.items() if value is not None}
    wasi.env = [(f"TAP_BIGCOMMERCE_{key.upper()}", value) for key, value in text.items()]
    wasi.stdout_custom = write
    wasi.stderr_custom = tell
    config = Config()
    config.cache = True
    engine = Engine(config)
    linker = Linker(engine)
    linker.add_wasip2()
    linker.add_wasi_http()
    store = Store(engine)
    store.set_wasi(wasi)
    store.set_wasi_http()
    instance = linker.instantiate(store, Component.from_file(engine, component))
    interface = instance.get_export_index(store, "wasi:cli/run@0.2.12")
    complete = instance.get_func(store, instance.get_export_index(store, "run", interface))(store).tag == "ok"
    if failures:
        raise RuntimeError(f"{folder} cannot be written to: {failures[0]}; make room, then run the job again")
    return complete, b"".join(log).decode(errors="replace").rstrip().rpartition("\n")[2]


# A store waits for its quota most of the time, so many share a core. What a task needs is memory: docs/deploy.md has the figures.
@ray.remote(num_cpus=0.05, memory=200 << 20, max_retries=5, retry_exceptions=[ConnectionError], scheduling_strategy="SPREAD")
def sync(component, config, folder):
    folder = pathlib.Path(folder)
    with messages(folder) as (file, state):
        complete, last = run(component, json.loads(pathlib.Path(config).read_text()), folder, file, state)
    kind = re.search(r"\[([a-z-]+)\]$", last)
    set_aside = not complete and kind is not None and kind[1] == "set-aside"
    if not complete and not set_aside:
        raise (ConnectionError if kind and kind[1] in PASSING else RuntimeError)(last)
    return {"resumed": state is not None, "set_aside": set_aside, "node": ray.get_runtime_context().get_node_id()}


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: stores.py COMPONENT STORES OUT")
    component, stores, out = (pathlib.Path(name).resolve() for name in sys.argv[1:])
    ray.init(log_to_driver=False)
    waiting = {sync.remote(str(component), str(config), str(out / config.stem)): config.stem for config in sorted(stores.glob("*.json"))}
    failed = 0
    while waiting:
        for task in ray.wait(list(waiting))[0]:
            store = waiting.pop(task)
            try:
                told = {"store": store, **ray.get(task)}
            except Exception as failure:
                failed += 1
                told = {"store": store, "error": str(getattr(failure, "cause", failure))}
            print(json.dumps(told), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
