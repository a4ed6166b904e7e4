#!/usr/bin/env -S python3 -B
"""Spark reads the Parquet files of the sandbox without a cast, and finds in them what its lines of JSON hold: rows, sums, least and greatest values.

By hand, and in no list of checks: it needs Java, and downloads Spark, which has some 400 MB.
"""

import decimal
import json
import os
import pathlib
import sys

from parquet import ROUND, last_of_each_key, of_type
from real import Environment, check, folder, program, run

TYPES = {"total_inc_tax": "decimal(38,18)", "date_created": "timestamp", "id": "bigint", "is_deleted": "boolean"}


def read(work):
    """In the environment that has Spark: holds each stream's folder against its lines."""
    from pyspark.sql import SparkSession
    from pyspark.sql.functions import max as greatest
    from pyspark.sql.functions import min as least
    from pyspark.sql.functions import sum as total

    session = SparkSession.builder.master("local[2]").config("spark.sql.session.timeZone", "UTC").config("spark.ui.enabled", "false").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    catalog = json.loads((work / "catalog.json").read_text())
    manifest = json.loads((work / "shop" / "state.json").read_text())["streams"]
    rows = columns = 0
    for stream in (stream for stream in catalog["streams"] if stream["stream"] in manifest):
        name, schema, keys = stream["stream"], stream["schema"], stream["key_properties"]
        expected = last_of_each_key(work / "lines" / f"{name}.jsonl", schema, keys)
        table = session.read.parquet(str(work / "shop" / name)).cache()
        check(table.count() == len(expected), f"{name}: {len(expected)} rows")
        rows += len(expected)
        for field in of_type(schema, "number") + of_type(schema, "integer"):
            values = [row[field] for row in expected.values() if row[field] is not None]
            summed, first, last = table.agg(total(field), least(field), greatest(field)).first()
            same = summed is None if not values else decimal.Decimal(summed).quantize(ROUND) == decimal.Decimal(sum(values)).quantize(ROUND)
            if not same or (first, last) != (min(values, default=None), max(values, default=None)):
                check(False, f"{name}.{field}: sum {summed}, from {first} to {last}")
            columns += 1
        table.unpersist()
    types = dict(session.read.parquet(str(work / "shop" / "orders")).dtypes)
    check({field: types[field] for field in TYPES} == TYPES and types["products"].startswith("array<struct<"), f"types of orders: {TYPES}")
    check(rows > 0 and columns > 0, f"Spark {session.version}: {rows} rows of {len(manifest)} streams, {columns} columns of numbers")


def main():
    tap = program()
    with folder() as work:
        for output in ("jsonl:lines", "parquet:shop"):
            run(tap, "--sandbox", "--select", "*", "--output", output, cwd=work)
        (work / "catalog.json").write_text(run(tap, "--discover", "--sandbox"))
        environment = Environment(work / "spark", "pyspark==4.3.0")
        print(run(environment.bin("python"), "-B", __file__, work, env=os.environ | {"SPARK_LOCAL_IP": "127.0.0.1"}))


if len(sys.argv) > 1:
    read(pathlib.Path(sys.argv[1]))
else:
    main()
