#!/usr/bin/env -S python3 -B
"""The Meltano SDK's standard tap tests pass under their own names, for every stream (see sdk/test_standard.py)."""

import json
import os
import re

from real import ROOT, Environment, Store, check, folder, program, run

OF_THE_TAP = ["tap_cli_prints", "tap_discovery", "tap_stream_connections", "tap_valid_final_state"]
OF_A_STREAM = [
    "returns_record",
    "schema_is_valid",
    "record_matches_stream_schema",
    "record_schema_matches_transformed_catalog",
    "transformed_catalog_schema_matches_record",
    "primary_keys",
]
OF_A_FIELD = ["is_boolean", "is_datetime", "is_integer", "is_numeric", "is_object", "not_null"]


def main():
    tap = program()
    with folder() as work, Store() as store:
        (work / "config.json").write_text(json.dumps(store.config))
        environment = Environment(work / "singer-sdk", "singer-sdk[testing]")
        given = {"TAP_BIGCOMMERCE_PROGRAM": str(tap), "TAP_BIGCOMMERCE_STORE": str(work / "config.json"), "PYTHONDONTWRITEBYTECODE": "1"}
        tests = ROOT / "tests" / "real" / "sdk"
        options = ["-v", "-p", "no:cacheprovider", "--rootdir", work, "-W", "default"]
        said = run(environment.bin("python"), "-m", "pytest", *options, tests, cwd=work, env=os.environ | given)
        print(said.splitlines()[-1])
        streams = [entry["tap_stream_id"] for entry in json.loads(run(tap, "--discover"))["streams"]]
        passed = set(re.findall(r"::test_(\S+) PASSED", said))
        wanted = [*OF_THE_TAP, *(f"tap_stream_{name}[{stream}]" for name in OF_A_STREAM for stream in streams)]
        check(all(name in passed for name in wanted), f"passed by name, each for every stream: {', '.join(OF_THE_TAP + OF_A_STREAM)}")
        of_fields = {name: sum(test.startswith(f"tap_stream_attribute_{name}[") for test in passed) for name in OF_A_FIELD}
        check(sum(of_fields.values()) > 100, f"passed for so many fields: {of_fields}")
        check(not re.search(r"(SKIPPED|XFAIL)", said), "none was skipped")


if __name__ == "__main__":
    main()
