#!/usr/bin/env -S python3 -B
"""How fast this tap reads a simulated store, next to a bare download of the same requests, to its own core built natively, and to the Python tap.

    benches/sync.py             prints the tables; some 20 minutes
    benches/sync.py --write     writes them into docs/performance.md, and docs/performance.svg
    benches/sync.py --small     a few records, once: checks that everything runs and nothing is lost, and says nothing of time

It builds what it needs. docs/performance.md says what is measured and how.
"""

import argparse
import gzip
import os
import pathlib
import sqlite3
import subprocess
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "real"))
import page
from real import ROOT, TARGET, Environment, check, example, folder, program, run
from shards import component
from subjects import LATENCY_MS, QUOTA, SECONDS, Row, Run, Shop, Tools, asked_per_order, records, take, wasmtime, write_requests

PYTHON_TAP = "tap-bigcommerce==1.1.3"
FULL = {"orders": 2000, "customers": 2000, "products": 2000, "coupons": 200}
SMALL = {"orders": 40, "customers": 30, "products": 40, "coupons": 10}
# What the tap sends to read them. More requests than that are a loss.
MOST_REQUESTS = 158
# The pages of a few orders with embedded lines: a page, the end, and the archived orders.
MOST_PAGES = 6
EMBEDDED = "this tap, lines embedded"
# A quota ends a run's time, not its work: fewer records are enough.
LIMITED = {"orders": 300, "customers": 300, "products": 300, "coupons": 30}
MANY, FEW = 1_000_000, 2000
MANY_ORDERS = 60_000
# Orders with their lines and addresses. Coupons need a request per order, with embedded lines too.
WITHOUT_COUPONS = "orders.*,!orders.coupons,order_products.*"
FIRST_MESSAGES = 20


def python_tap():
    """Python with the Python tap, in an environment of its own that is kept. The second value says why there is none."""
    path = TARGET / "tools" / "python-tap"
    if not (path / "installed").exists():
        try:
            Environment(path, PYTHON_TAP)
        except SystemExit as failed:
            reasons = [line for line in str(failed).splitlines() if "ERROR" in line] or [str(failed)]
            return None, f"could not be installed: {reasons[-1]}"
        (path / "installed").write_text(PYTHON_TAP)
    return path / "bin" / "python", ""


def warm(tools, shop, sizes, command=None):
    """One run that is not measured: it fills caches, and shows that everything arrives. Gives the records of each stream."""
    shop.asked()
    command = [str(word) for word in command or tools.tap()]
    done = subprocess.run(command, cwd=shop.work, env=tools.environment(shop.work), capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stderr.decode()}\nFAILED: {' '.join(command)}")
    found = records(done.stdout)
    if any(found.get(stream) != size for stream, size in sizes.items()):
        sys.exit(f"FAILED: the tap has written {found} from a store of {sizes}")
    shop.asked()
    write_requests(shop)
    return found


def compare(shop, commands, tools, rounds):
    """Measures all commands, round after round, so that whatever else the machine does hits all of them."""
    rows = {name: Row(name, missing="" if command else "not installed") for name, command in commands.items()}
    there = [(name, command) for name, command in commands.items() if command]
    for _, command in there:
        take(shop, command, tools)
    for number in range(rounds):
        for name, command in there if number % 2 == 0 else reversed(there):
            rows[name].runs.append(take(shop, command, tools))
            print(f"{number + 1}/{rounds} {name}: {rows[name].runs[-1].wall:.2f} s", flush=True)
    return list(rows.values())


def first_messages(shop, tools, times):
    """The time from the start of a program that has run before to its first message."""
    taken = []
    for _ in range(times):
        begun = time.monotonic()
        command = [str(word) for word in tools.tap()]
        with subprocess.Popen(command, cwd=shop.work, env=tools.environment(shop.work), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as started:
            first = started.stdout.read(1)
            taken.append(time.monotonic() - begun)
            started.kill()
        if first != b"{":
            sys.exit("FAILED: the program has ended without a message")
    return Row("first message", [Run(wall, 0, 0, 0, 0) for wall in taken])


def no_latency(work, tools, sizes, rounds, why_no_python):
    with Shop(work, **sizes) as shop:
        warm(tools, shop, sizes)
        found = {"all": compare(shop, everything(tools), tools, rounds), "first": first_messages(shop, tools, FIRST_MESSAGES)}
        python = tools.python_commands(shop)
        found["python"] = compare(shop, python, tools, rounds) if python else [Row("the Python tap", missing=why_no_python)]
        found["embedded"] = embedded_requests(shop, tools, sizes["orders"])
        return found


def everything(tools):
    return {"this tap": tools.commands()["this tap"], EMBEDDED: tools.embedded(), **tools.commands()}


def embedded_requests(shop, tools, orders):
    """What embedded lines leave: the requests for pages, and those for orders whose embedded lines may not be complete."""
    take(shop, tools.embedded(WITHOUT_COUPONS), tools)
    targets = shop.targets()
    single, incomplete = asked_per_order(targets)
    return {"orders": orders, "pages": len(targets) - single, "single": single, "incomplete": incomplete}


def store_cold(work, tools, sizes, rounds):
    """The store builds each answer again, as it does outside of this benchmark."""
    with Shop(work, keep_answers="false", **sizes) as shop:
        python = tools.python_commands(shop)
        return compare(shop, {"this tap": tools.tap(), **python}, tools, rounds)


def with_latency(work, tools, sizes, rounds):
    with Shop(work, latency_ms=LATENCY_MS, **sizes) as shop:
        warm(tools, shop, sizes)
        streams = {stream: tools.tap(rules=f"{stream}.*") for stream in sizes}
        return {
            "all": compare(shop, everything(tools), tools, rounds),
            "streams": compare(shop, streams, tools, rounds),
            "python": compare(shop, tools.python_commands(shop), tools, 1),
        }


def with_quota(work, tools, sizes, rounds):
    """A new store for each run: its first window begins with the first request."""
    commands = {"this tap": tools.tap(), EMBEDDED: tools.embedded()}
    rows = {name: Row(name) for name in commands}
    for number in range(rounds):
        for name, command in commands.items():
            with Shop(work, quota=f"{QUOTA}/{SECONDS}", **sizes) as shop:
                rows[name].runs.append(take(shop, command, tools))
                print(f"{number + 1}/{rounds} {name}, with a quota: {rows[name].runs[-1].wall:.2f} s", flush=True)
    return list(rows.values())


def memory(work, tools):
    rows = []
    for stream, number in (("customers", FEW), ("customers", MANY), ("orders", FEW), ("orders", MANY_ORDERS)):
        sizes = dict.fromkeys(FULL, 0) | {stream: number}
        with Shop(work, keep_answers="false", **sizes) as shop:
            rows.append(Row(f"{number:,} {stream}", [take(shop, tools.tap(rules=f"{stream}.*"), tools)]))
            print(f"{rows[-1].name}: {rows[-1].runs[-1].wall:.2f} s", flush=True)
    return rows


def size(file):
    whole = file.read_bytes()
    return {"raw": len(whole), "gzip": len(gzip.compress(whole, 9, mtime=0))}


def small(tools):
    """Checks what all measures stand on: every record arrives, and each way sends the same requests."""
    with folder() as work, Shop(work, **SMALL) as shop:
        wanted = shop.counts()
        check(warm(tools, shop, SMALL) == wanted, f"the tap writes every record of the store: {wanted}")
        asked = len(shop.targets())
        check(asked <= MOST_REQUESTS, f"it does so with {asked} requests, at most {MOST_REQUESTS}")
        for name, command in tools.commands().items():
            if not command:
                print(f"{name}: not installed")
                continue
            done = take(shop, command, tools)
            check((done.requests, done.refused) == (asked, 0), f"{name}: {asked} requests, none of them refused")
            if (work / "out.db").exists():
                with sqlite3.connect(work / "out.db") as database:
                    found = {stream: database.execute(f'SELECT COUNT(*) FROM "{stream}"').fetchone()[0] for stream in wanted}
                check(found == wanted, "it holds every record")
            if (work / "out").exists():
                found = {stream: len((work / "out" / f"{stream}.jsonl").read_bytes().splitlines()) for stream in wanted}
                check(found == wanted, "its files hold every record")
        embedded = warm(tools, shop, SMALL, tools.embedded())
        check(embedded == wanted, "with embedded lines: every record")
        left = embedded_requests(shop, tools, SMALL["orders"])
        check(left["pages"] <= MOST_PAGES, f"with embedded lines: {left['pages']} requests for pages, at most {MOST_PAGES}")
        check(left["single"] <= 3 * left["incomplete"], f"with embedded lines: {left['single']} more for {left['incomplete']} orders")
        for name in ("its component under wasmtime", "its core, built natively"):
            command = tools.commands()[name]
            if command:
                words = [str(word) for word in command]
                written = subprocess.run(words, cwd=work, env=tools.environment(work), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
                check(records(written.stdout) == wanted, f"{name}: the same records")
        first_messages(shop, tools, 1)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a few records, once, and no times")
    parser.add_argument("--write", action="store_true", help="write the page and the picture")
    parser.add_argument("--memory", action="store_true", help=f"read {MANY:,} customers, too")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often each is measured (5)")
    parser.add_argument("--wasmtime", metavar="PROGRAM", help="the wasmtime program; default: the one on the PATH")
    parser.add_argument("--no-python", action="store_true", help="leave out the Python tap")
    parser.add_argument("--note", default="", help="what else there is to know of this machine")
    return parser.parse_args()


def main():
    asked = arguments()
    python, why = (None, "left out") if asked.small or asked.no_python else python_tap()
    tools = Tools(program(), component(), example("native"), wasmtime(asked.wasmtime), python)
    if asked.small:
        small(tools)
        return
    with folder() as work:
        data = {
            "machine": machine(asked, tools),
            "no latency": no_latency(work, tools, FULL, asked.rounds, why),
            "cold": store_cold(work, tools, FULL, min(asked.rounds, 3)),
            "latency": with_latency(work, tools, FULL, asked.rounds),
            "quota": with_quota(work, tools, LIMITED, min(asked.rounds, 3)),
            "memory": memory(work, tools) if asked.memory else None,
            "size": size(tools.component),
        }
    tables = page.tables(data)
    print(tables)
    if asked.write:
        page.write(tables, data)


def machine(asked, tools):
    def version(*command):
        return run(*command).splitlines()[0]

    commit = run("git", "rev-parse", "--short", "HEAD", cwd=ROOT).strip()
    return {
        "day": time.strftime("%Y-%m-%d"),
        "commit": commit + (" with changes" if run("git", "status", "--porcelain", cwd=ROOT).strip() else ""),
        "cores": os.cpu_count(),
        "system": f"{os.uname().sysname} {os.uname().release}, {os.uname().machine}",
        "versions": [version(tools.program, "--version"), *([version(tools.wasmtime, "--version")] if tools.wasmtime else [])],
        "python": f"{PYTHON_TAP} on Python {'.'.join(map(str, sys.version_info[:3]))}" if tools.python else "",
        "rounds": asked.rounds,
        "note": asked.note,
    }


if __name__ == "__main__":
    main()
