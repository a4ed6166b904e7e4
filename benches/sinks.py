#!/usr/bin/env -S python3 -B
"""How fast each output takes records, and with how much memory, next to what SQLite, DuckDB and PostgreSQL do by themselves with the same rows
in a CSV file.

    benches/sinks.py [--records N]    prints the table; 1,000,000 records unless it says otherwise
    benches/sinks.py --small          a few records: checks that everything runs and nothing is lost, and says nothing of time

It builds what it needs. SQLite is its own program, `sqlite3`, which is installed with apt if it is missing; DuckDB comes from PyPI. PostgreSQL
must be installed; its server writes no more to the disk than it has to, and its memory is not counted.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "real"))
from pinned import tools
from real import ROOT, check, example, folder, postgres, run

MANY, SMALL = 1_000_000, 3000
OUTPUTS = ("stdout", "jsonl:lines", "jsonl-per-run:runs", "csv:rows", "parquet:columns", "sqlite:shop.db")
# The columns of the benchmark's records, as `sqlite:` declares them, but for `is_deleted`: the CSV file has words there. Without the second column
# of decimals, which is made from the first.
TABLE = """CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, date_created TEXT, date_modified TEXT, status TEXT, is_deleted TEXT,
subtotal_ex_tax TEXT, subtotal_inc_tax TEXT, total_ex_tax TEXT, total_inc_tax TEXT, items_total INTEGER, payment_method TEXT, customer_message TEXT,
currency_code TEXT, billing_address TEXT, products TEXT) STRICT"""
DUCKDB = """import duckdb
with duckdb.connect("own.duckdb") as connection:
    connection.execute("CREATE TABLE orders AS FROM read_csv('rows/orders.csv', sample_size = -1)")
"""
TO_PARQUET = """import duckdb
duckdb.sql("COPY (FROM read_csv('rows/orders.csv', sample_size = -1)) TO 'own.parquet' (COMPRESSION zstd)")
"""
# What PostgreSQL's own load is asked to do: the tap's table, empty, takes the rows of the CSV file.
OF_POSTGRES = "CREATE TABLE own (LIKE orders); ALTER TABLE own ADD PRIMARY KEY (id)"
COPY = "\\copy own FROM 'rows/orders.csv' (FORMAT csv, HEADER)"
IN_POSTGRES = {"postgres:URL": "orders", "PostgreSQL, from the CSV file": "own"}
# How many rows each has, and what they come to.
COUNTS = {
    "jsonl:lines": "SELECT count(*), sum(CAST(total_inc_tax AS DECIMAL(20, 4))) FROM read_json('lines/orders.jsonl')",
    "jsonl-per-run:runs": "SELECT count(*), sum(CAST(total_inc_tax AS DECIMAL(20, 4))) FROM read_json('runs/orders-*.jsonl')",
    "csv:rows": "SELECT count(*), sum(CAST(total_inc_tax AS DECIMAL(20, 4))) FROM read_csv('rows/orders.csv')",
    "parquet:columns": "SELECT count(*), sum(total_inc_tax)::DECIMAL(20, 4) FROM 'columns/orders/*.parquet'",
    "DuckDB to Parquet, from the CSV file": "SELECT count(*), sum(CAST(total_inc_tax AS DECIMAL(20, 4))) FROM 'own.parquet'",
    "DuckDB, from the CSV file": "ATTACH 'own.duckdb' AS own; SELECT count(*), sum(CAST(total_inc_tax AS DECIMAL(20, 4))) FROM own.orders",
}
IN_SQLITE = {"sqlite:shop.db": "shop.db", "SQLite, from the CSV file": "own.db"}
SUM_IN_SQLITE = "SELECT count(*), sum(CAST(round(total_inc_tax * 10000) AS INTEGER)) FROM orders"


def measured(work, *command):
    """Seconds and bytes of memory of a command in this folder."""
    run(sys.executable, "-B", ROOT / "benches" / "measure.py", work / "measures.json", *command, cwd=work)
    measures = json.loads((work / "measures.json").read_text())
    return measures["wall"], measures["memory"]


def stored(path):
    """The bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file())


def number(text):
    """A number of 1/10,000."""
    whole, _, part = str(text).partition(".")
    return int(whole) * 10_000 + int(part.ljust(4, "0"))


def numbers(work, python, database, name):
    """The count and the sum of what an output holds."""
    if name in IN_POSTGRES:
        count, total = run("psql", database, "-AtXc", f"SELECT count(*), sum(total_inc_tax) FROM {IN_POSTGRES[name]}").strip().split("|")
        return int(count), number(total)
    if name in IN_SQLITE:
        count, total = run("sqlite3", work / IN_SQLITE[name], SUM_IN_SQLITE).strip().split("|")
        return int(count), int(total)
    count, total = run(python, "-c", "import duckdb, sys; print(*duckdb.sql(sys.argv[1]).fetchone())", COUNTS[name], cwd=work).split()
    return int(count), number(total)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=MANY)
    parser.add_argument("--small", action="store_true")
    asked = parser.parse_args()
    records = SMALL if asked.small else asked.records
    if not shutil.which("sqlite3"):
        run("apt-get", "install", "--yes", "--quiet", "sqlite3")
    program, python = example("sinks"), tools("duckdb") / "python"
    with folder() as work, postgres() as database:
        rows = [(f"`{output}`", *measured(work, program, output, records), output) for output in OUTPUTS]
        load = f"sqlite3 own.db '{TABLE}' '.mode csv' '.import --skip 1 rows/orders.csv orders'"
        rows.append(("SQLite, from the CSV file", *measured(work, "sh", "-c", load), "own.db"))
        rows.append(("DuckDB, from the CSV file", *measured(work, python, "-c", DUCKDB), "own.duckdb"))
        rows.append(("DuckDB to Parquet, from the CSV file", *measured(work, python, "-c", TO_PARQUET), "own.parquet"))
        rows.append(("`postgres:URL`", *measured(work, program, database, records), ""))
        run("psql", database, "-Xc", OF_POSTGRES)
        rows.append(("PostgreSQL, from the CSV file", *measured(work, "psql", database, "-Xc", COPY), ""))
        found = {name: numbers(work, python, database, name) for name in [*COUNTS, *IN_SQLITE, *IN_POSTGRES]}
        check(len(set(found.values())) == 1 and next(iter(found.values()))[0] == records, f"the same {records} rows and sum in all: {found}")
        if asked.small:
            return
        print(f"\n| {records:,} records into | rows per second | peak memory, MB | on the disk, MB |\n| --- | ---: | ---: | ---: |")
        for name, seconds, memory, output in rows:
            path = work / (output.partition(":")[2] or output)
            size = f"{stored(path) / 1e6:,.0f}" if output and path.exists() else ""
            print(f"| {name} | {records / seconds:,.0f} | {memory / 1e6:,.0f} | {size} |")
    print("\n" + subprocess.run(["nproc"], capture_output=True, text=True, check=False).stdout.strip() + " cores")


main()
