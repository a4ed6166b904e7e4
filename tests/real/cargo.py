#!/usr/bin/env -S python3 -B
"""`cargo install --path` and `cargo install --git` put a program that works into a fresh root."""

import json
import os

from real import ROOT, TARGET, check, folder, run


def main():
    # Share the target folder, to reuse compiled dependencies. But build the component, as users do.
    os.environ["CARGO_TARGET_DIR"] = str(TARGET)
    os.environ.pop("TAP_BIGCOMMERCE_COMPONENT", None)
    with folder() as work:
        for name, source in {"path": ["--path", ROOT / "host" / "cli"], "git": ["--git", f"file://{ROOT}", "tap-bigcommerce-cli"]}.items():
            run("cargo", "install", "--locked", *source, "--root", work / name, cwd=work)
            tap = work / name / "bin" / "tap-bigcommerce"
            check(run(tap, "--version").startswith("tap-bigcommerce "), f"--{name}: the program starts")
            run(tap, "--sandbox", "--output", f"sqlite:{work / name}.db")
            check(len(json.loads(run(tap, "--discover"))["streams"]) > 0, f"--{name}: its component runs")


if __name__ == "__main__":
    main()
