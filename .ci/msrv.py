#!/usr/bin/env python3
"""The `rust-version` in Cargo.toml is true as far as the installed compiler can show it: no crate and no dependency needs a newer one, and
this compiler is not older. That the code uses nothing newer of the standard library is checked by clippy (`incompatible_msrv`)."""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def output(*command):
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=600).stdout


def numbers(version):
    """`1.95` and `1.95.0` alike."""
    return tuple(int(part) for part in (version.split("-")[0] + ".0").split(".")[:3])


def main():
    metadata = json.loads(output("cargo", "metadata", "--locked", "--format-version", "1"))
    members = {package["name"]: package["rust_version"] for package in metadata["packages"] if package["id"] in metadata["workspace_members"]}
    promised = members["tap-bigcommerce"]
    wrong = [f"{name} has the rust-version {version}, not {promised}" for name, version in members.items() if version != promised]
    for package in metadata["packages"]:
        if package["rust_version"] and numbers(package["rust_version"]) > numbers(promised):
            wrong.append(f"{package['name']} {package['version']} needs Rust {package['rust_version']}, and rust-version promises {promised}")
    compiler = output("rustc", "--version").split()[1]
    if numbers(compiler) < numbers(promised):
        wrong.append(f"the toolchain of rust-toolchain.toml is {compiler}, older than the rust-version {promised}")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"rust-version {promised} fits {len(members)} crates and their {len(metadata['packages']) - len(members)} dependencies; this is {compiler}")


if __name__ == "__main__":
    main()
