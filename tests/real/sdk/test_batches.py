"""A target of the SDK gets from BATCH messages what it gets from RECORD messages."""

import io
import json
import pathlib
import tempfile
from typing import ClassVar

from singer_sdk import Target
from singer_sdk.sinks import BatchSink
from test_standard import CONFIG, program


class Taken(BatchSink):
    """Keeps the records."""

    max_size = 10_000

    def process_batch(self, context):
        self.target.taken.setdefault(self.stream_name, []).extend(context["records"])


class TargetTaken(Target):
    """The records that a target of the SDK has taken."""

    name = "target-taken"
    default_sink_class = Taken
    config_jsonschema: ClassVar = {"type": "object", "properties": {}}


def taken(messages):
    target = TargetTaken(config={})
    target.taken = {}
    target.listen(io.StringIO(messages))
    return target.taken


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
        assert len(wanted) > 20
        # The SDK adds nothing to records in files, and leaves the times of others alone here.
        assert {stream: [without_sdks(r) for r in records] for stream, records in wanted.items()} == found


def without_sdks(record):
    return {name: value for name, value in record.items() if not name.startswith("_sdc_")}
