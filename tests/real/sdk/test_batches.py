"""A target of the SDK gets from BATCH messages what it gets from RECORD messages."""

import datetime
import decimal
import io
import json
import pathlib
import tempfile
from typing import ClassVar

from singer_sdk import Target
from singer_sdk.sinks import BatchSink
from test_standard import CONFIG, program


class Taken(BatchSink):
    """Keeps the records of each stream."""

    max_size = 10_000
    held: ClassVar = {}

    def process_batch(self, context):
        self.held.setdefault(self.stream_name, []).extend(context["records"])


class TargetTaken(Target):
    """A target of the SDK."""

    name = "target-taken"
    max_parallelism = 1
    default_sink_class = Taken
    config_jsonschema: ClassVar = {"type": "object", "properties": {}}


def taken(messages):
    """The records of each stream that the target takes from these messages."""
    Taken.held = {}
    TargetTaken(config={}).listen(io.StringIO(messages))
    return Taken.held


def test_a_target_takes_the_same_records():
    with tempfile.TemporaryDirectory() as folder:
        config, batches = pathlib.Path(folder, "config.json"), pathlib.Path(folder, "batches")
        config.write_text(json.dumps(CONFIG))
        plain = program("--config", config)
        storage = {"root": batches.as_uri(), "prefix": "shop-"}
        setting = {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": storage, "batch_size": 100}
        config.write_text(json.dumps(CONFIG | {"batch_config": setting}))
        batched = program("--config", config)
        assert '"type":"RECORD"' not in batched.replace(" ", "")
        wanted, found = taken(plain), taken(batched)
        assert sum(len(records) for records in wanted.values()) > 1000
        assert {stream: plain_values(records) for stream, records in wanted.items()} == {
            stream: plain_values(records) for stream, records in found.items()
        }


def plain_values(value):
    """A value without what the SDK makes of it: of records in files it reads no dates and no decimals, and adds no fields to them."""
    if isinstance(value, dict):
        return {name: plain_values(inner) for name, inner in value.items() if not name.startswith("_sdc_")}
    if isinstance(value, list):
        return [plain_values(inner) for inner in value]
    if isinstance(value, datetime.datetime):
        return value.isoformat().replace("+00:00", "Z")
    return float(value) if isinstance(value, decimal.Decimal) else value
