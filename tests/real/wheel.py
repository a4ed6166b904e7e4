#!/usr/bin/env -S python3 -B
"""The wheel installs into a fresh environment, and its program fills target-jsonl from the simulated store.

With --everywhere also from this folder, from a source distribution and from git, as pip does it: each builds the program again.
"""

import json
import os
import re
import subprocess
import sys

from real import ROOT, TARGET, Environment, check, folder, lines, run, started, wheel


def proves(environment, place):
    """The installed program and its package have the workspace's version."""
    tap = environment.bin("tap-bigcommerce")
    version = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    check(run(tap, "--version").strip() == f"tap-bigcommerce {version}", f"{place}: the version is {version}")
    shown = run(environment.bin("pip"), "show", "--disable-pip-version-check", "tap-bigcommerce")
    check(f"Version: {version}\n" in shown, f"{place}: the package has the same version")


def fills_a_target(environment, work):
    (work / "target.json").write_text(json.dumps({"destination_path": str(work / "out"), "do_timestamp_file": False}))
    with started(environment.bin("tap-bigcommerce"), "--sandbox", stderr=subprocess.DEVNULL) as tap:
        state = run(environment.bin("target-jsonl"), "--config", work / "target.json", stdin=tap.stdout)
    check(tap.returncode == 0, "the sync ended well")
    check("bookmarks" in json.loads(state.splitlines()[-1]), "the target prints the state")
    rows = {file.stem: len(lines(file.read_text(encoding="utf-8"))) for file in (work / "out").iterdir()}
    wanted = {"orders": 500, "customers": 300, "products": 200, "coupons": 40}
    check({stream: rows.get(stream) for stream in wanted} == wanted, f"every record is in its file: {rows}")


def main():
    with folder() as work:
        tools = Environment(work / "tools", "maturin>=1.9,<2")
        installed = Environment(work / "wheel", wheel(tools.bin("maturin"), work / "wheels"), "target-jsonl")
        proves(installed, "the wheel")
        fills_a_target(installed, work)
        if "--everywhere" not in sys.argv[1:]:
            return
        # Share the target folder, to reuse compiled dependencies. But build the component, as users do.
        os.environ["CARGO_TARGET_DIR"] = str(TARGET)
        os.environ.pop("TAP_BIGCOMMERCE_COMPONENT", None)
        run(tools.bin("maturin"), "sdist", "--out", work / "wheels", cwd=ROOT)
        source = next((work / "wheels").glob("*.tar.gz"))
        for number, (place, what) in enumerate({"the source distribution": source, "the folder": ROOT, "git": f"git+file://{ROOT}"}.items()):
            proves(Environment(work / f"environment-{number}", what), place)


if __name__ == "__main__":
    main()
