"""What the tests over many machines share: stores that take their time, and whether all of a store has arrived."""

import contextlib
import json
import os
import pathlib
import sys

from real import ROOT, TARGET, Store, run

# Some 1,900 requests a store: four windows of its quota, and the first STATE in the second of them. So a store is under way for long enough to
# lose its machine, on a machine of any speed.
ORDERS = 600
QUOTA = "500/5"
# A store that was read from its start again would have at least 700 records twice. A few are read twice by every run that resumes.
MOST_REPEATED = 500


def component():
    """The component that .ci/run has built, or a new build."""
    if "TAP_BIGCOMMERCE_COMPONENT" in os.environ:
        return pathlib.Path(os.environ["TAP_BIGCOMMERCE_COMPONENT"]).resolve()
    run("cargo", "build", "--locked", "-p", "tap-bigcommerce-guest", "--target", "wasm32-wasip2", "--profile", "component", cwd=ROOT)
    return TARGET / "wasm32-wasip2" / "component" / "tap_bigcommerce.wasm"


@contextlib.contextmanager
def stores(count):
    """Stores with different records and a small quota: the config of each, by name."""
    with contextlib.ExitStack() as stack:
        yield {f"store-{seed}": stack.enter_context(Store(orders=ORDERS, quota=QUOTA, seed=seed)).config for seed in range(1, count + 1)}


def records(lines):
    """The last record of each key, for each stream, and how many were there more than once. Each line is a whole message."""
    found, keys, repeated = {}, {}, 0
    for line in lines:
        message = json.loads(line)
        if message["type"] == "SCHEMA":
            keys[message["stream"]] = message["key_properties"]
        elif message["type"] == "RECORD":
            stream = found.setdefault(message["stream"], {})
            key = tuple(message["record"][name] for name in keys[message["stream"]])
            repeated += key in stream
            stream[key] = message["record"]
    return found, repeated


def truth(tap, name, work):
    """What the program reads from a store with the same records that has quota for all of them at once."""
    with Store(orders=ORDERS, seed=int(name.rpartition("-")[2])) as store:
        config = work / f"truth-{name}.json"
        config.write_text(json.dumps(store.config))
        config.chmod(0o600)
        found, repeated = records(run(tap, "--config", config).encode().splitlines())
    if repeated or len(found) != 5 or len(found["orders"]) != ORDERS:
        sys.exit(f"FAILED: {name}: the program has read {[(stream, len(rows)) for stream, rows in found.items()]}, {repeated} of them twice")
    return found


def check_complete(name, lines, wanted):
    """Ends the script unless every record of every stream is there, with every value. A few may be there twice."""
    found, repeated = records(lines)
    for stream, rows in wanted.items():
        have = found.get(stream, {})
        missing, wrong = rows.keys() - have.keys(), [key for key in rows.keys() & have.keys() if rows[key] != have[key]]
        if missing or wrong or len(have) != len(rows):
            sys.exit(f"FAILED: {name}: of {len(rows)} {stream} {len(missing)} are missing, {len(wrong)} are wrong, and {len(have)} are there")
    if repeated > MOST_REPEATED:
        sys.exit(f"FAILED: {name}: {repeated} records are there twice, so a run did not resume from its STATE")
    print(f"ok: {name}: all {sum(map(len, wanted.values()))} records of {len(wanted)} streams, {repeated} of them twice", flush=True)
