#!/usr/bin/env -S python3 -B
"""DuckDB, pandas and pyarrow read the Parquet files of the sandbox without a cast, and find in them what its lines of JSON hold: every row of every
stream, sums, least and greatest values. The views leave out what a second run has read again."""

import datetime
import decimal
import json
import os

from pinned import with_packages_of
from real import check, folder, program, run

ROUND = decimal.Decimal("0.0001")


def wanted(value, schema):
    """A value of a line as the columns hold it."""
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if value is None:
        return None
    if "object" in types:
        fields = schema.get("properties")
        return {name: wanted(value.get(name), inner) for name, inner in fields.items()} if fields else value
    if "array" in types:
        return [wanted(item, schema["items"]) for item in value]
    if "number" in types:
        return decimal.Decimal(value)
    if schema.get("format") == "date-time":
        return datetime.datetime.fromisoformat(value)
    return value


def found(value, schema):
    """A value of a row, where JSON stands as text."""
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if value is None:
        return None
    if "object" in types:
        fields = schema.get("properties")
        return {name: found(value.get(name), inner) for name, inner in fields.items()} if fields else json.loads(value, parse_float=decimal.Decimal)
    if "array" in types:
        return [found(item, schema["items"]) for item in value]
    return value


def last_of_each_key(file, schema, keys):
    """The records of a file of lines, as rows, by their keys."""
    rows = {}
    for line in file.read_text(encoding="utf-8").rstrip("\n").split("\n") if file.stat().st_size else []:
        record = wanted(json.loads(line, parse_float=decimal.Decimal), schema)
        rows[tuple(record[key] for key in keys)] = record
    return rows


def of_type(schema, wanted, form=None):
    """The fields of this type, and of this format."""
    fields = schema["properties"].items()
    return [name for name, inner in fields if wanted in (inner["type"], *inner["type"]) and form in (None, inner.get("format"))]


def with_duckdb(shop, lines, streams):
    """Holds each view against the lines."""
    import duckdb

    database = duckdb.connect()
    database.execute(f"SET file_search_path = '{shop}'; SET TimeZone = 'UTC'")
    database.execute((shop / "views.sql").read_text())
    rows = sums = 0
    for stream, (schema, keys) in streams.items():
        expected = last_of_each_key(lines / f"{stream}.jsonl", schema, keys)
        table = database.sql(f'SELECT * FROM "{stream}"').to_arrow_table()
        check(table.column("_rescued_data").null_count == table.num_rows, f"{stream}: every value fits its column")
        records = [found(row, schema) for row in table.to_pylist()]
        check({tuple(row[key] for key in keys): row for row in records} == expected, f"{stream}: {len(records)} rows, as in the lines")
        check(len(records) == len(expected), f"{stream}: each key once")
        rows += len(records)
        for field in of_type(schema, "number") + of_type(schema, "integer"):
            values = [row[field] for row in expected.values() if row[field] is not None]
            total, least, most = database.execute(f'SELECT sum("{field}"), min("{field}"), max("{field}") FROM "{stream}"').fetchall()[0]
            same = total is None if not values else decimal.Decimal(total).quantize(ROUND) == decimal.Decimal(sum(values)).quantize(ROUND)
            if not same or (least, most) != (min(values, default=None), max(values, default=None)):
                check(False, f"{stream}.{field}: sum {total}, from {least} to {most}")
            sums += 1
        for field in of_type(schema, "string", "date-time"):
            values = [row[field] for row in expected.values() if row[field] is not None]
            ends = database.sql(f'SELECT min("{field}") AS a, max("{field}") AS b FROM "{stream}"').to_arrow_table().to_pylist()[0]
            if (ends["a"], ends["b"]) != (min(values, default=None), max(values, default=None)):
                check(False, f"{stream}.{field}: from {ends['a']} to {ends['b']}")
    check(rows > 0 and sums > 0, f"DuckDB: {rows} rows of {len(streams)} streams; sums, least and greatest values of {sums} columns")
    types = database.execute(
        "SELECT typeof(total_inc_tax), typeof(date_created), typeof(id), typeof(products[1].base_price) FROM orders LIMIT 1"
    ).fetchall()[0]
    check(types == ("DECIMAL(38,18)", "TIMESTAMP WITH TIME ZONE", "BIGINT", "DECIMAL(38,18)"), f"DuckDB: types of orders: {types}")
    return database


def with_others(shop, lines, streams):
    """pandas and pyarrow read a stream's folder; who reads it so drops repeats by its key."""
    import pandas
    import pyarrow
    import pyarrow.parquet

    for stream in ("orders", "products", "customers"):
        schema, keys = streams[stream]
        expected = last_of_each_key(lines / f"{stream}.jsonl", schema, keys)
        frame = pandas.read_parquet(shop / stream).drop_duplicates(keys, keep="last")
        check(len(frame) == len(expected), f"pandas: {len(frame)} rows of {stream}")
        field = of_type(schema, "number")[0]
        total = sum(row[field] for row in expected.values() if row[field] is not None)
        check(frame[field].dropna().sum() == total, f"pandas: the sum of {stream}.{field} is {total}")
    kinds = pyarrow.parquet.read_schema(next((shop / "orders").glob("*.parquet")))
    check(kinds.field("total_inc_tax").type == pyarrow.decimal128(38, 18), "pyarrow: a price is a decimal")
    check(kinds.field("date_created").type == pyarrow.timestamp("us", tz="UTC"), "pyarrow: a date is a timestamp in UTC")
    check(pyarrow.types.is_list(kinds.field("products").type), "pyarrow: line items are a list")


def with_other_fields(tap, work):
    """One view over files of other fields: a new field and new members of a nested one come, and go again."""
    import duckdb

    for select, has_more in (("orders.products.sku", False), ("orders.status,orders.products", True), ("orders.products.sku", False)):
        run(tap, "--sandbox", "--select", select, "--full-refresh", "orders", "--output", "parquet:changing", cwd=work)
        files = list((work / "changing" / "orders").glob("*.parquet"))
        with duckdb.connect() as connection:
            connection.execute(f"SET file_search_path = '{work / 'changing'}'")
            connection.execute((work / "changing" / "views.sql").read_text())
            # As JSON: Python would need a package for times with a zone.
            rows = connection.sql("SELECT to_json(o)::VARCHAR FROM orders o").fetchall()
        orders = [json.loads(row) for (row,) in rows]
        lines = [line for order in orders for line in order["products"]]
        check(orders and lines and all(line["sku"] is not None for line in lines), f"{len(files)} files: {len(orders)} orders, {len(lines)} lines")
        more = [order.get("status") for order in orders] + [line.get("name") for line in lines]
        check(all((value is not None) == has_more for value in more), f"the fields of {select}, and no others, have values")


def main():
    with_packages_of("readers")
    tap = program()
    catalog = json.loads(run(tap, "--discover", "--sandbox"))
    with folder() as work:
        for output in ("jsonl:lines", "parquet:shop"):
            run(tap, "--sandbox", "--select", "*", "--output", output, cwd=work)
        shop, lines = work / "shop", work / "lines"
        manifest = json.loads((shop / "state.json").read_text())["streams"]
        streams = {stream["stream"]: (stream["schema"], stream["key_properties"]) for stream in catalog["streams"] if stream["stream"] in manifest}
        check(set(streams) == set(manifest) == {file.stem for file in lines.glob("*.jsonl")}, f"{len(streams)} streams are in both outputs")
        check(all(manifest[stream]["keys"] == keys for stream, (_, keys) in streams.items()), "state.json names the keys")
        with_duckdb(shop, lines, streams)
        run(tap, "--sandbox", "--select", "*", "--output", "parquet:shop", cwd=work)
        again = json.loads((shop / "state.json").read_text())["streams"]
        repeats = sum(file["rows"] for stream in again.values() for file in stream["files"]) - sum(
            file["rows"] for stream in manifest.values() for file in stream["files"]
        )
        check(repeats > 0, f"a second run has read {repeats} rows again")
        with_duckdb(shop, lines, streams)
        with_others(shop, lines, streams)
        with_other_fields(tap, work)
        listed = {f"{stream}/{file['file']}" for stream, files in again.items() for file in files["files"]}
        there = {str(file.relative_to(shop)) for file in shop.glob("*/*")}
        check(there == listed and os.stat(shop).st_mode & 0o077 == 0, "the folder holds what state.json lists, and is its owner's alone")


if __name__ == "__main__":
    main()
