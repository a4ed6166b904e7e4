#!/usr/bin/env -S python3 -B
"""Wheels for other machines than this one: `wheels.py [--out FOLDER] [TARGET…]` builds one for each Rust target, and tries each without a compiler.

Without targets: the four of Linux. Zig links them, against glibc 2.17 or with musl. A wheel for this machine's processor is installed with pip into a
fresh environment, and run with nothing else on its PATH; a static program also runs in an empty root, if this account may make one. A program for
aarch64 runs under qemu, if it is static and Debian's qemu-user-static is installed. What was not tried is listed at the end.
"""

import argparse
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import zipfile

from pinned import tools
from real import MOMENT, ROOT, TARGET, check, folder, lines, run

# What pip reads: maturin takes musl's version for zig's, and of glibc the one that it may link against.
LINUX = {
    "x86_64-unknown-linux-gnu": "manylinux_2_17",
    "x86_64-unknown-linux-musl": "musllinux_1_2",
    "aarch64-unknown-linux-gnu": "manylinux_2_17",
    "aarch64-unknown-linux-musl": "musllinux_1_2",
}
QEMU = "qemu-aarch64-static"


def build(target, to):
    """The wheel for a target. TAP_BIGCOMMERCE_COMPONENT names the component to carry."""
    bin = tools("release")
    run("rustup", "target", "add", target, cwd=ROOT)
    words = ["--zig", "--compatibility", LINUX[target]] if target in LINUX else []
    environment = os.environ | {"CARGO_TARGET_DIR": str(TARGET), "PATH": f"{bin}{os.pathsep}{os.environ['PATH']}"}
    before = set(to.glob("*.whl"))
    run(bin / "maturin", "build", "--release", "--locked", "--target", target, *words, "--out", to, cwd=ROOT, env=environment)
    (made,) = set(to.glob("*.whl")) - before
    return made


def program_of(wheel, to):
    """The program in a wheel, as a file that can be run."""
    with zipfile.ZipFile(wheel) as packed:
        (path,) = [name for name in packed.namelist() if ".data/scripts/" in name]
        program = to / pathlib.PurePath(path).name
        program.write_bytes(packed.read(path))
    program.chmod(0o755)
    return program


def static(program):
    """No other file is needed: an ELF program that names no interpreter."""
    return b"/ld-" not in program.read_bytes()[:4096]


def reads_the_store(what, command, out, **options):
    """The program reads the simulated store with no compiler, and no other program, within its reach."""
    # The cache of compiled components wants a home. Windows programs do not start without SystemRoot.
    bare = {"PATH": str(out.parent / "nothing"), "HOME": str(out.parent)} | {key: os.environ[key] for key in ("SystemRoot",) if key in os.environ}
    done = subprocess.run(command, env=bare, capture_output=True, text=True, check=False, timeout=10 * MOMENT, **options)
    check(done.returncode == 0, f"{what}: the run ended well{done.stderr[-2000:] if done.returncode else ''}")
    orders = len(lines((out / "orders.jsonl").read_text(encoding="utf-8")))
    check(orders == 500, f"{what}: {orders} of 500 orders are there")


def attempt(wheel, target, work):
    """Tries a wheel as far as this machine can. Gives what it could not try."""
    program = program_of(wheel, work)
    reading = ["--sandbox", "--output"]
    here = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    if target in LINUX:
        check(static(program) == target.endswith("musl"), f"{wheel.name}: its program is {'static' if static(program) else 'for glibc'}")
    if target.split("-")[0] != here:
        if not static(program) or not shutil.which(QEMU):
            return [f"{wheel.name}: this machine cannot run it"]
        reads_the_store(f"{wheel.name}, under qemu", [shutil.which(QEMU), program, *reading, f"jsonl:{work / 'qemu'}"], work / "qemu")
        return [f"{wheel.name}: installing it"]
    run(sys.executable, "-m", "venv", work / "environment")
    bin = work / "environment" / ("Scripts" if os.name == "nt" else "bin")
    if target.endswith("musl") and platform.libc_ver()[0] == "glibc":
        # pip refuses a musl wheel on glibc. It only accepts another platform when it installs into a folder.
        at = work / "installed"
        fits = ["--platform", f"{LINUX[target]}_{here}", "--only-binary", ":all:", "--target", at]
        run(bin / "python", "-m", "pip", "install", "--quiet", "--no-index", *fits, wheel)
        installed = at / "bin" / "tap-bigcommerce"
    else:
        run(bin / "python", "-m", "pip", "install", "--quiet", "--no-index", wheel)
        installed = bin / ("tap-bigcommerce.exe" if os.name == "nt" else "tap-bigcommerce")
    reads_the_store(f"{wheel.name}, installed by pip", [installed, *reading, f"jsonl:{work / 'out'}"], work / "out")
    if not target.endswith("musl"):
        return []
    if os.getuid():
        return [f"{wheel.name}: in an empty root"]
    root = work / "root"
    root.mkdir()
    shutil.copy(program, root)
    reads_the_store(f"{wheel.name}, in an empty root", ["/tap-bigcommerce", *reading, "jsonl:/out"], root / "out", preexec_fn=lambda: enter(root))
    return []


def enter(root):
    os.chroot(root)
    os.chdir("/")


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--out", type=pathlib.Path, help="keep the wheels in this folder")
    words.add_argument("target", nargs="*", default=list(LINUX))
    given = words.parse_args()
    untried = []
    with folder() as work:
        out = (given.out or work / "wheels").resolve()
        out.mkdir(parents=True, exist_ok=True)
        for target in given.target:
            wheel = build(target, out)
            (work / target).mkdir()
            untried += attempt(wheel, target, work / target)
    print("\n".join(f"NOT TRIED: {what}" for what in untried))


if __name__ == "__main__":
    main()
