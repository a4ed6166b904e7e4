#!/usr/bin/env -S python3 -B
"""The lines of docs/duckdb.md, as they stand there, on what a sandbox's runs write. Every output gives the same numbers, and they are the store's.

The extensions, which DuckDB would download, come from PyPI.
"""

import datetime
import decimal
import email.utils
import json
import os
import pathlib
import re
import sys

from pinned import with_packages_of
from real import ROOT, Store, check, folder, postgres, program, run

with_packages_of("duckdb")

import duckdb  # noqa: E402

# What the wheels of the extensions hold.
EXTENSIONS = [*pathlib.Path(sys.prefix).glob("lib/python*/site-packages/duckdb_ext*/extensions/**/*_scanner.duckdb_extension")]
# The database of the page.
DATABASE = "postgres://tap@db.example/shop"
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
    newest = max(email.utils.parsedate_to_datetime(order["date_modified"]) for order in orders)
    return len(orders), sum(totals).quantize(PLACES), newest.astimezone(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def numbers(lines, work):
    """What the last line gives."""
    os.chdir(work)
    with duckdb.connect(config={"extension_directory": str(work / "extensions")}) as connection:
        for extension in EXTENSIONS:
            connection.execute(f"INSTALL '{extension}'")
        check(len(lines) == 3, "three lines")
        connection.execute("SET TimeZone = 'UTC'")
        for line in lines:
            # A command of DuckDB's shell; the page says what it is in Python.
            file = line.removeprefix(".read ")
            found = connection.sql(line) if file == line else connection.execute(pathlib.Path(file).read_text())
        # As text: Python would need a package for times with a zone.
        count, total, newest = found.project("COLUMNS(*)::VARCHAR").fetchone()
        return int(count), decimal.Decimal(total).quantize(PLACES), newest[:19].replace("T", " ")


def main():
    check(len(EXTENSIONS) == 2, f"DuckDB's extensions: {[extension.name for extension in EXTENSIONS]}")
    tap = program()
    with Store(orders=300, customers=40, products=30, coupons=10) as store, folder() as work, postgres() as database:
        (work / "config.json").write_text(json.dumps(store.config))
        expected = truth(store)
        for number, (named, queries) in enumerate(pages()):
            place = work / str(number)
            place.mkdir()
            output, *lines = (text.replace(DATABASE, database) for text in (named, *queries))
            # Twice, the second time as a full refresh, so that the output gets records again that it already has.
            for more in ([], ["--full-refresh", "orders"]):
                run(tap, "--config", work / "config.json", "--output", output, *more, cwd=place)
            count, total, newest = found = numbers(lines, place)
            check(found == expected, f"{named}: {count} orders of {total} in all, the newest of {newest}, as in the store {expected}")


main()
