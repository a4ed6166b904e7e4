#!/usr/bin/env -S python3 -B
"""The image of Containerfile, as podman runs it: with no network, with nothing to write to but its volume, and against the simulated store over TLS,
which it trusts if the certificates in the image say so, and otherwise not.

`image.py PROGRAM` takes a static program; without one it builds the wheel of this processor with musl first. buildah, podman, runc, nginx and openssl
are installed with apt if they are missing. Images are kept in a temporary folder, and are gone at the end.
"""

import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys

from nginx import certificates, nginx
from nginx import install as install_nginx
from real import ROOT, Store, check, folder, lines, run
from wheels import build, program_of, static

USER = 65532
# Mozilla's, as Debian packages them, without those that were added to this machine.
ROOTS = pathlib.Path("/usr/share/ca-certificates/mozilla")
# Also on a machine with both kinds of control groups, and for an account that may not raise its limits.
PODMAN = ["--runtime", "runc", "--cgroup-manager", "cgroupfs"]
CONFINED = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges"]


def install():
    install_nginx()
    missing = [name for name in ("buildah", "podman", "runc") if not shutil.which(name)]
    if missing:
        check(os.getuid() == 0, f"this account may install what is missing: {missing}")
        run("apt-get", "update", "--quiet")
        run("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *missing)


class Engine:
    """buildah and podman, with images of their own."""

    def __init__(self, work):
        self.store = ["--storage-driver", "vfs", "--root", work / "images", "--runroot", work / "running"]

    def build(self, name, context):
        run("buildah", *self.store, "build", "--isolation", "chroot", "--tag", name, "--file", ROOT / "Containerfile", context)
        (image,) = json.loads(run("podman", *self.store, "image", "inspect", name))
        return image["Config"]

    def start(self, options, name, *words):
        command = ["podman", *self.store, *PODMAN, "run", "--rm", *CONFINED, *options, name, *words]
        return subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True, timeout=600)


def context(at, program, *extra):
    """What Containerfile is built from, with these certificates in addition to the usual ones."""
    (at / "data").mkdir(parents=True)
    shutil.copy(program, at / "tap-bigcommerce")
    files = [*sorted(ROOTS.glob("*.crt")), *extra]
    (at / "ca-certificates.crt").write_text("".join(file.read_text() for file in files))
    return at


def volume(at, config=None):
    """A folder that the image's user may write to."""
    at.mkdir()
    if config:
        (at / "config.json").write_text(json.dumps(config))
        (at / "config.json").chmod(0o600)
        os.chown(at / "config.json", USER, USER)
    os.chown(at, USER, USER)
    return ["--volume", f"{at}:/data"]


def main():
    install()
    with folder() as work:
        (work / "program").mkdir()
        program = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None
        if not program:
            program = program_of(build(f"{platform.machine()}-unknown-linux-musl", work), work / "program")
        check(static(program), f"{program} is static")
        certificates(work)
        engine = Engine(work)
        config = engine.build("tap", context(work / "usual", program))
        check(config["User"] == f"{USER}:{USER}" and config["Entrypoint"] == ["/usr/bin/tap-bigcommerce"], "the image has its user and its program")
        engine.build("trusting", context(work / "trusting-context", program, work / "ca.pem"))

        done = engine.start(["--network", "none"], "tap", "--version")
        check(done.stdout.startswith("tap-bigcommerce "), f"it starts{done.stderr}")
        done = engine.start(["--network", "none", *volume(work / "alone")], "tap", "--sandbox", "--output", "jsonl:shop")
        check(done.returncode == 0, f"it reads its own store with no network{done.stderr[-2000:] if done.returncode else ''}")
        check(len(lines((work / "alone/shop/orders.jsonl").read_text())) == 500, "every order is in its volume")
        check((work / "alone/shop/orders.jsonl").stat().st_uid == USER, "its files belong to its user")

        with Store(orders=50) as store, nginx(work, store.config["api_url"].removeprefix("http://")) as origins:
            reading = ["--config", "config.json", "--output", "jsonl:shop"]
            settings = store.config | {"api_url": origins["http2"]}
            done = engine.start(["--network", "host", *volume(work / "trusted", settings)], "trusting", *reading)
            check(done.returncode == 0, f"over TLS it trusts the certificates of its image{done.stderr[-2000:] if done.returncode else ''}")
            rows = len(lines((work / "trusted/shop/orders.jsonl").read_text()))
            check(rows == store.counts()["orders"], f"all {rows} orders came over TLS")
            done = engine.start(["--network", "host", *volume(work / "strange", settings)], "tap", *reading)
            check(done.returncode == 8 and "certificate" in done.stderr, f"and no other: {done.stderr[-300:]}")


if __name__ == "__main__":
    main()
