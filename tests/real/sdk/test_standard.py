"""The Meltano SDK's standard tests for taps. The SDK tests Python classes, so here is one with nothing of its own: settings, catalog, version and
every message are what the program writes."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from singer_sdk import Stream, Tap
from singer_sdk.testing import SuiteConfig, get_tap_test_class

PROGRAM = os.environ["TAP_BIGCOMMERCE_PROGRAM"]
CONFIG = json.loads(pathlib.Path(os.environ["TAP_BIGCOMMERCE_STORE"]).read_text())
KINDS = {"integer": "integer", "boolean": "boolean", "object": "object"}


def program(*args):
    """What the program writes."""
    return subprocess.run([PROGRAM, *map(str, args)], check=True, text=True, stdout=subprocess.PIPE, timeout=600).stdout


def settings():
    """The settings as `--about` tells them, as a JSON Schema."""
    about = json.loads(program("--about", "--format", "json"))["settings"]
    properties = {s["name"]: {"type": KINDS.get(s["kind"], "string"), "description": s["description"]} for s in about}
    return {"type": "object", "properties": properties, "required": [s["name"] for s in about if s["required"]]}


class ProgramStream(Stream):
    """A stream of the program's catalog."""

    def __init__(self, tap, entry):
        # Whether it is selected by default or not.
        for told in entry["metadata"]:
            if not told["breadcrumb"]:
                told["metadata"]["selected"] = True
        self.entry = entry
        super().__init__(tap, schema=entry["schema"], name=entry["tap_stream_id"])
        self.primary_keys = entry["key_properties"]
        self.replication_key = entry.get("replication_key")

    def get_records(self, context):
        raise NotImplementedError("the program writes the records: see sync")

    def sync(self, context=None):
        """Runs the program with this stream alone; its messages go out as they are."""
        with tempfile.TemporaryDirectory() as folder:
            config, catalog = pathlib.Path(folder, "config.json"), pathlib.Path(folder, "catalog.json")
            config.write_text(json.dumps(dict(self.config)))
            catalog.write_text(json.dumps({"streams": [self.entry]}))
            sys.stdout.write(program("--config", config, "--catalog", catalog))


class TapBigCommerce(Tap):
    """The program, as the SDK knows a tap."""

    name = "tap-bigcommerce"
    config_jsonschema = settings()

    def discover_streams(self):
        return [ProgramStream(self, entry) for entry in self.catalog_dict["streams"]]

    @property
    def catalog_dict(self):
        return json.loads(program("--discover"))

    @classmethod
    def print_version(cls, print_fn=print):
        print_fn(program("--version"))

    @classmethod
    def print_about(cls, output_format=None):
        print(program("--about", *(["--format", output_format] if output_format else [])))


TestTapBigCommerce = get_tap_test_class(TapBigCommerce, config=CONFIG, suite_config=SuiteConfig(max_records_limit=None), parse_env_config=False)
