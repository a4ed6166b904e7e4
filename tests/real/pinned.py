"""Environments of Python that hold just what a file in .ci/ pins, with hashes."""

import os
import pathlib
import shutil
import sys

from real import ROOT, TARGET, run


def tools(name):
    """The folder of programs of the environment that `.ci/NAME.txt` describes. It is kept until that file changes."""
    path, pins = TARGET / "tools" / name, ROOT / ".ci" / f"{name}.txt"
    kept, bin = path / "requirements.txt", path / ("Scripts" if os.name == "nt" else "bin")
    if not kept.exists() or kept.read_bytes() != pins.read_bytes():
        shutil.rmtree(path, ignore_errors=True)
        run(sys.executable, "-m", "venv", path)
        pip = [bin / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run(*pip, "--only-binary", ":all:", "--require-hashes", "--requirement", pins)
        kept.write_bytes(pins.read_bytes())
    return bin


def with_packages_of(name):
    """Starts this script again with the Python of that environment, if it does not run with it yet. Gives its folder of programs."""
    bin = tools(name)
    if pathlib.Path(sys.prefix).resolve() != bin.parent.resolve():
        sys.stdout.flush()
        os.execv(bin / "python", [bin / "python", "-B", *sys.argv])
    return bin
