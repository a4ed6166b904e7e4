#!/usr/bin/env -S python3 -B
"""Real targets take the tap's records whole: target-jsonl, and target-postgres into a PostgreSQL server of its own; singer-check-tap finds
nothing. Counts and nested values are compared with what the store's own API returns.

PostgreSQL is installed with apt if it is missing; it runs in a temporary folder, on a socket there, and is stopped at the end.
"""

import contextlib
import decimal
import json
import os
import pathlib
import shutil
import socket

from real import Environment, Store, check, folder, lines, program, run, started


def sync(tap, target, work, *more):
    """One run of the tap into a target; gives the state that the target prints."""
    with open(work / "tap.log", "w") as log:
        with started(tap, "--config", work / "config.json", *more, stderr=log) as process:
            state = run(*target, stdin=process.stdout)
    check(process.returncode == 0, "the tap ended well")
    return json.loads(state.splitlines()[-1])


def nested(store):
    """Some values deep in records, as the store's API has them: a line item's price, a variant's code, an address."""
    order = next(order for order in store.records("/v2/orders") if store.records(f"/v2/orders/{order['id']}/products"))
    lines_of_order = store.records(f"/v2/orders/{order['id']}/products")
    product = store.get("/v3/catalog/products?include=variants&limit=1")["data"][0]
    customer = next(c for c in store.get("/v3/customers?include=addresses&limit=50")["data"] if c.get("addresses"))
    return {
        ("orders", order["id"]): lambda row: [(p["id"], decimal.Decimal(str(p["base_price"]))) for p in row["products"]],
        ("products", product["id"]): lambda row: [(v["id"], v["sku"]) for v in row["variants"]],
        ("customers", customer["id"]): lambda row: [(a["id"], a["city"]) for a in row["addresses"]],
    }, {
        ("orders", order["id"]): {"products": lines_of_order},
        ("products", product["id"]): product,
        ("customers", customer["id"]): customer,
    }


def compare(name, store, rows):
    """Holds a target's rows, by stream and id, against the store."""
    counts = {stream: len(found) for stream, found in rows.items()}
    check(counts == store.counts(), f"{name}: as many rows as the store has records: {counts}")
    pick, wanted = nested(store)
    for (stream, key), values in pick.items():
        expected = values(wanted[stream, key])
        check(expected and sorted(values(rows[stream][key])) == sorted(expected), f"{name}: nested values of {stream} {key}: {expected[:2]}")


def into_jsonl(tap, store, work):
    environment = Environment(work / "jsonl", "target-jsonl")
    (work / "jsonl.json").write_text(json.dumps({"destination_path": str(work / "out"), "do_timestamp_file": False}))
    state = sync(tap, [environment.bin("target-jsonl"), "--config", work / "jsonl.json"], work)
    check("bookmarks" in state, "target-jsonl: the state is printed")
    compare(
        "target-jsonl", store, {file.stem: {row["id"]: row for row in lines(file.read_text(encoding="utf-8"))} for file in (work / "out").iterdir()}
    )


def postgres_programs():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        run("apt-get", "install", "--yes", "--quiet", "postgresql")
        return postgres_programs()
    return found[-1]


@contextlib.contextmanager
def postgres(work):
    """A server on a free port of this machine; initdb refuses root, so root hands its folder to nobody."""
    programs = postgres_programs()
    data = work / "postgres"
    data.mkdir()
    account = {}
    if os.getuid() == 0:
        account = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        os.chmod(work, 0o755)
        shutil.chown(data, "nobody", "nogroup")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run(programs / "initdb", "--pgdata", data / "db", "--username", "tap", "--auth", "trust", "--encoding", "UTF8", cwd=data, **account)
    options = f"-p {port} -h 127.0.0.1 -k {data} -c fsync=off"
    run(programs / "pg_ctl", "start", "--wait", "-D", data / "db", "-l", data / "log", "-o", options, cwd=data, **account)
    try:
        yield programs / "psql", port
    finally:
        run(programs / "pg_ctl", "stop", "--wait", "-m", "immediate", "-D", data / "db", cwd=data, **account)


def into_postgres(tap, store, work):
    environment = Environment(work / "target-postgres", "meltanolabs-target-postgres")
    with postgres(work) as (psql, port):
        config = {"host": "127.0.0.1", "port": port, "user": "tap", "password": "unused", "database": "postgres", "default_target_schema": "shop"}
        (work / "postgres.json").write_text(json.dumps(config))
        target = [environment.bin("target-postgres"), "--config", work / "postgres.json"]
        (work / "state.json").write_text(json.dumps(sync(tap, target, work)))

        def rows():
            ask = [psql, "-h", "127.0.0.1", "-p", port, "-U", "tap", "-d", "postgres", "-At", "-c"]
            tables = run(*ask, "select tablename from pg_tables where schemaname = 'shop'").split()
            found = {table: lines(run(*ask, f'select to_jsonb(r) from shop."{table}" r')) for table in tables}
            return {table: {row["id"]: row for row in found[table]} for table in tables}

        compare("target-postgres", store, rows())
        sync(tap, target, work, "--state", work / "state.json")
        compare("target-postgres after a second run from its state", store, rows())


def singer_check(tap, work):
    """From the start and from a state. It reads a pipe: with `--tap` it does not wait for its own reader, and a tap this fast is then misjudged.
    It cannot read a null where an object with dates may stand (it asks the null for them), so the one such field of this store is left out."""
    environment = Environment(work / "singer-tools", "singer-tools")
    catalog = json.loads(run(tap, "--discover"))
    for stream in catalog["streams"]:
        for item in stream["metadata"]:
            if item["breadcrumb"] == ["properties", "primary_image"]:
                item["metadata"]["selected"] = False
    (work / "catalog.json").write_text(json.dumps(catalog))
    options = [tap, "--config", work / "config.json", "--catalog", work / "catalog.json"]
    for more in ([], ["--state", work / "state.json"]):
        messages = run(*options, *more)
        (work / "messages.jsonl").write_text(messages)
        (work / "state.json").write_text(json.dumps(json.loads(messages.splitlines()[-1])["value"]))
        with open(work / "messages.jsonl") as pipe:
            said = run(environment.bin("singer-check-tap"), cwd=work, stdin=pipe)
        check("The output is valid." in said, f"singer-check-tap: valid {'from the state' if more else 'from the start'}")


def main():
    tap = program()
    with folder() as work, Store() as store:
        (work / "config.json").write_text(json.dumps(store.config))
        singer_check(tap, work)
        into_jsonl(tap, store, work)
        into_postgres(tap, store, work)


if __name__ == "__main__":
    main()
