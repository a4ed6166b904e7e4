#!/usr/bin/env python3
"""The parts of a release that no tool makes, for .github/workflows/release.yml.

release.py version TAG           ends with an error unless the tag is the version everywhere, and the changelog has it
release.py archives FOLDER       for each wheel in it whose program needs nothing else: an archive of the program
release.py layout WASM FOLDER    the component as an OCI artifact, in a folder that skopeo pushes
"""

import datetime
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
# By the end of a wheel's name. On Linux the static program runs with every libc, so there is no archive of the other one.
TARGETS = {
    r"musllinux_\d+_\d+_x86_64": "x86_64-unknown-linux-musl",
    r"musllinux_\d+_\d+_aarch64": "aarch64-unknown-linux-musl",
    r"macosx_\d+_\d+_arm64": "aarch64-apple-darwin",
    r"macosx_\d+_\d+_x86_64": "x86_64-apple-darwin",
    r"win_amd64": "x86_64-pc-windows-msvc",
}


def version():
    return re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]


def check_version(tag):
    found = {"the tag": tag.removeprefix("v"), "npm/package.json": json.loads((ROOT / "npm/package.json").read_text(encoding="utf-8"))["version"]}
    wrong = [f"{where} has the version {other}, Cargo.toml has {version()}" for where, other in found.items() if other != version()]
    if f"\n## {version()}\n" not in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"):
        wrong.append(f"CHANGELOG.md has no heading that is just `## {version()}`: write the release's changes there")
    if wrong:
        sys.exit("\n".join(wrong))


def built_at():
    """The commit's time, so that the same commit gives the same bytes."""
    shown = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return int(os.environ.get("SOURCE_DATE_EPOCH", shown))


def archive(wheel, target):
    """The program of a wheel, with README and licence, in one folder."""
    with zipfile.ZipFile(wheel) as packed:
        path = next(name for name in packed.namelist() if re.search(r"\.data/scripts/tap-bigcommerce(\.exe)?$", name))
        program = packed.read(path)
    name = f"tap-bigcommerce-{version()}-{target}"
    files = {pathlib.PurePath(path).name: (program, 0o755)}
    files |= {file: ((ROOT / file).read_bytes(), 0o644) for file in ("LICENSE", "README.md")}
    when = built_at()
    if "windows" in target:
        made = wheel.parent / f"{name}.zip"
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
            for file, (content, _) in files.items():
                moment = datetime.datetime.fromtimestamp(when, datetime.timezone.utc).timetuple()[:6]
                out.writestr(zipfile.ZipInfo(f"{name}/{file}", moment), content, zipfile.ZIP_DEFLATED)
        return made
    made = wheel.parent / f"{name}.tar.xz"
    with tarfile.open(made, "w:xz") as out:
        for file, (content, mode) in files.items():
            entry = tarfile.TarInfo(f"{name}/{file}")
            entry.size, entry.mode, entry.mtime = len(content), mode, when
            out.addfile(entry, io.BytesIO(content))
    return made


def archives(folder):
    for wheel in sorted(folder.glob("*.whl")):
        platform = wheel.stem.split("-")[-1]
        target = next((target for end, target in TARGETS.items() if re.search(f"{end}$", platform)), None)
        print(f"{wheel.name}: {archive(wheel, target).name if target else 'no archive'}")


def layout(wasm, folder):
    """The layout that the CNCF's Wasm working group defines: a config that says what the one layer is, and the component as this layer."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(content, media):
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(content)}

    def text(value):
        return json.dumps(value, sort_keys=True).encode()

    created = datetime.datetime.fromtimestamp(built_at(), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    layer = blob(wasm.read_bytes(), "application/wasm")
    config = {"created": created, "architecture": "wasm", "os": "wasip2", "layerDigests": [layer["digest"]]}
    index = "application/vnd.oci.image.manifest.v1+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": index,
        "config": blob(text(config), "application/vnd.wasm.config.v0+json"),
        "layers": [layer],
        "annotations": {"org.opencontainers.image.version": version(), "org.opencontainers.image.licenses": "Apache-2.0"},
    }
    (folder / "index.json").write_bytes(text({"schemaVersion": 2, "manifests": [blob(text(manifest), index)]}))
    (folder / "oci-layout").write_bytes(text({"imageLayoutVersion": "1.0.0"}))


def main():
    command, *given = sys.argv[1:] or [""]
    if command == "version" and len(given) == 1:
        check_version(*given)
    elif command == "archives" and len(given) == 1:
        archives(pathlib.Path(*given))
    elif command == "layout" and len(given) == 2:
        layout(*map(pathlib.Path, given))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
