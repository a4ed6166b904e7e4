#!/usr/bin/env -S python3 -B
"""The lines of docs/duckdb.md, as they stand there, on what a sandbox's runs write. Every output gives the same numbers, and they are the store's.

The SQLite extension, which DuckDB would download, comes from PyPI.
"""

import decimal
import json
import os
import pathlib
import re
import sys

from pinned import with_packages_of
from real import ROOT, Store, check, folder, program, run

with_packages_of("duckdb")

import duckdb  # noqa: E402

# What the wheel of the extension holds.
EXTENSION = next(pathlib.Path(sys.prefix).glob("lib/python*/site-packages/duckdb_ext/extensions/*/*/sqlite_scanner.duckdb_extension"))
PLACES = decimal.Decimal("0.0001")


def pages():
    """What is queried, and the lines that do it, for each output that the page names."""
    text = (ROOT / "docs" / "duckdb.md").read_text()
    found = re.findall(r"^## `([^`]+)`\n+```sql\n(.*?)```", text, re.MULTILINE | re.DOTALL)
    check(len(found) == text.count("```sql"), f"the page has lines for {', '.join(output for output, _ in found)}")
    return [(output, lines.splitlines()) for output, lines in found]


def truth(store):
    """The same numbers, from the store's own API."""
    orders = store.records("/v2/orders") + store.records("/v2/orders?is_deleted=true")
    totals = [decimal.Decimal(order["total_inc_tax"]) for order in orders]
    return len(orders), sum(totals).quantize(PLACES)


def numbers(lines, work):
    """What the last line gives."""
    os.chdir(work)
    with duckdb.connect(config={"extension_directory": str(work / "extensions")}) as connection:
        connection.execute(f"INSTALL '{EXTENSION}'")
        check(len(lines) == 3, "three lines")
        connection.execute("SET TimeZone = 'UTC'")
        for line in lines:
            found = connection.sql(line)
        # As text: Python would need a package for times with a zone.
        count, total, newest = found.project("COLUMNS(*)::VARCHAR").fetchone()
        return int(count), decimal.Decimal(total).quantize(PLACES), newest[:19].replace("T", " ")


def main():
    tap = program()
    with Store(orders=300, customers=40, products=30, coupons=10) as store, folder() as work:
        (work / "config.json").write_text(json.dumps(store.config))
        expected = truth(store)
        dates = set()
        for number, (output, lines) in enumerate(pages()):
            place = work / str(number)
            place.mkdir()
            # Twice, and the second time everything: what was read before is there again.
            for more in ([], ["--full-refresh", "orders"]):
                run(tap, "--config", work / "config.json", "--output", output, *more, cwd=place)
            *found, newest = numbers(lines, place)
            check(tuple(found) == expected, f"{output}: {found[0]} orders of {found[1]} in all, as in the store")
            dates.add(newest)
        check(len(dates) == 1, f"the same newest date in all: {dates}")


main()
