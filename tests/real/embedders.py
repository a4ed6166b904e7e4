#!/usr/bin/env -S python3 -B
"""What embedders do: the library without its features compiles nothing that it does not need, and the component runs in Python's wasmtime.

With --package the library is packaged as for crates.io, and a program of somebody else's embeds what is in the package.
"""

import json
import os
import subprocess
import sys

from real import ROOT, TARGET, Store, check, folder, run

# What only the program, the sinks, or the simulated store need.
OF_SINKS = ("rusqlite", "libsqlite3-sys", "parquet", "postgres", "tokio-postgres-rustls")
NOT_NEEDED = ("clap", "indicatif", "console", *OF_SINKS, "tap-bigcommerce-sandbox", "tap-bigcommerce-cli")

EMBEDDER = """\
[package]
name = "embedder"
edition = "2024"
[workspace]
[dependencies]
tap-bigcommerce = { path = "../tap-bigcommerce", default-features = false }
tokio = { version = "1", features = ["rt-multi-thread", "macros"] }
[patch.crates-io]
tap-bigcommerce-core = { path = "../tap-bigcommerce-core" }
"""

PROGRAM = """\
use tap_bigcommerce::{Component, Host};

#[tokio::main]
async fn main() {
    let tap = Host::builder().build().unwrap().component(Component::carried()).unwrap();
    println!("{}", tap.about().await.unwrap());
}
"""


def lean():
    """Without features there is no terminal, no database and no simulated store."""
    tree = run("cargo", "tree", "--locked", "-p", "tap-bigcommerce", "--no-default-features", "-e", "normal", "--prefix", "none", cwd=ROOT)
    names = {line.split()[0] for line in tree.splitlines() if line}
    check("wasmtime" in names and not names & set(NOT_NEEDED), f"cargo tree: {len(names)} crates, without {', '.join(NOT_NEEDED)}")


def python():
    """The example for Python, with the wheel that .ci/install has put next to the wasmtime program."""
    component = TARGET / "wasm32-wasip2" / "component" / "tap_bigcommerce.wasm"
    with folder() as work, Store() as store:
        (work / "config.json").write_text(json.dumps(store.config))
        environment = os.environ | {"PYTHONPATH": str(TARGET / "tools" / "wasmtime"), "HOME": str(work)}
        told = json.loads(run(sys.executable, ROOT / "examples" / "python" / "sync.py", component, work / "config.json", env=environment))
        check(told["records"] == store.counts(), f"Python: every record of the store: {told['records']}")
        check("bookmarks" in told["state"], "Python: the last state")
        (work / "config.json").write_text(json.dumps(store.config | {"access_token": "another-token"}))
        failed = subprocess.run(
            [sys.executable, ROOT / "examples" / "python" / "sync.py", component, work / "config.json"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        check(failed.returncode == 1 and "[unauthorized]" in failed.stderr, "Python: a failure is one")


def package():
    """The packages hold what they need, and a program builds on them alone."""
    version = json.loads(run("cargo", "metadata", "--locked", "--no-deps", "--format-version", "1", cwd=ROOT))["packages"][0]["version"]
    component = TARGET / "wasm32-wasip2" / "component" / "tap_bigcommerce.wasm"
    with folder() as work:
        # Packages are made from what is committed; the component is not.
        run("git", "clone", "--quiet", ROOT, work / "source")
        (work / "source" / "host" / "tap_bigcommerce.wasm").write_bytes(component.read_bytes())
        for name in ("tap-bigcommerce-core", "tap-bigcommerce"):
            run(
                "cargo",
                "package",
                "--allow-dirty",
                "--no-verify",
                "--exclude-lockfile",
                "-p",
                name,
                "--target-dir",
                work / "target",
                cwd=work / "source",
            )
            run("tar", "xf", work / "target" / "package" / f"{name}-{version}.crate", "-C", work)
            (work / f"{name}-{version}").rename(work / name)
        files = {str(file.relative_to(work / "tap-bigcommerce")) for file in (work / "tap-bigcommerce").rglob("*")}
        check({"tap_bigcommerce.wasm", "wit/tap.wit", "wit/deps/io.wit", "src/lib.rs", "build.rs"} <= files, "the package holds component and WIT")
        (work / "embedder" / "src").mkdir(parents=True)
        (work / "embedder" / "Cargo.toml").write_text(EMBEDDER)
        (work / "embedder" / "src" / "main.rs").write_text(PROGRAM)
        environment = {key: value for key, value in os.environ.items() if key != "TAP_BIGCOMMERCE_COMPONENT"}
        about = run("cargo", "run", "--quiet", "--release", "--target-dir", TARGET / "embedder", cwd=work / "embedder", env=environment)
        check(json.loads(about)["name"] == "tap-bigcommerce", "a program that embeds the package runs its component")


def main():
    lean()
    python()
    if "--package" in sys.argv[1:]:
        package()


if __name__ == "__main__":
    main()
