"""The component in Python, by wasmtime from PyPI (`pip install wasmtime`): `python sync.py tap_bigcommerce.wasm config.json`.

It runs the command interface, `wasi:cli/run`, and takes its standard output piece by piece. The connector's `sync` cannot be called from
Python: it writes to a `wasi:io` stream of the embedder's, and wasmtime for Python has no way to make one. `about`, `discover` and `check` can.
"""

import json
import pathlib
import sys

from wasmtime import Config, Engine, Store, WasiConfig
from wasmtime.component import Component, Linker


class Messages:
    """What standard output brings: counts of records, and the last state."""

    def __init__(self):
        self.counts, self.state, self.rest = {}, None, b""

    def take(self, piece: bytes) -> int:
        """Takes a piece and cuts it into lines. It is called on another thread, one call after the other."""
        *lines, self.rest = (self.rest + bytes(piece)).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if message["type"] == "RECORD":
                self.counts[message["stream"]] = self.counts.get(message["stream"], 0) + 1
            elif message["type"] == "STATE":
                self.state = message["value"]
        return len(piece)


def main() -> int:
    component, config = (pathlib.Path(name).resolve() for name in sys.argv[1:3])
    messages, settings = Messages(), Config()
    # The compiled component is kept for the next time.
    settings.cache = True
    engine = Engine(settings)
    linker = Linker(engine)
    linker.add_wasip2()
    linker.add_wasi_http()
    store = Store(engine)
    wasi = WasiConfig()
    wasi.argv = ["tap-bigcommerce", "--config", config.name]
    wasi.preopen_dir(str(config.parent), ".")
    wasi.stdout_custom = messages.take
    wasi.inherit_stderr()
    store.set_wasi(wasi)
    store.set_wasi_http()
    instance = linker.instantiate(store, Component.from_file(engine, str(component)))
    interface = instance.get_export_index(store, "wasi:cli/run@0.2.12")
    run = instance.get_func(store, instance.get_export_index(store, "run", interface))
    failed = run(store).tag != "ok"
    # Drop these before the interpreter exits: wasmtime needs it until then.
    del run, interface, instance, linker, wasi, store
    print(json.dumps({"records": messages.counts, "state": messages.state}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
