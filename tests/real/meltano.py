#!/usr/bin/env -S python3 -B
"""The real Meltano uses the definition in meltano/: it adds the tap from it, installs the wheel, tests the config, runs it into target-jsonl,
keeps its state and resumes from it. The example project is run too."""

import json
import os

from real import ROOT, Environment, Store, check, folder, lines, run, wheel

NAME = "tap-bigcommerce"
LOADER = """\
name: target-jsonl
namespace: target_jsonl
variant: andyh1203
pip_url: target-jsonl
executable: target-jsonl
settings:
- name: destination_path
  value: output
- name: do_timestamp_file
  kind: boolean
  value: false
"""


DEFINITION = (ROOT / "meltano" / "tap-bigcommerce.yml").read_text(encoding="utf-8")


def selection():
    """The definition's `select`, as the README's command gives it: `meltano add --from-ref` drops it."""
    listed = DEFINITION.split("\nselect:\n")[1]
    rules = json.dumps([json.loads(line.removeprefix("- ")) for line in listed.splitlines()])
    check(f"meltano config set {NAME} _select '{rules}'" in (ROOT / "README.md").read_text(encoding="utf-8"), "the README's selection")
    return rules


def rows(project):
    """How many records of each stream the loader has written since this was last asked."""
    written = {}
    for file in (project / "output").glob("*.jsonl"):
        written[file.stem] = len(lines(file.read_text(encoding="utf-8")))
        file.unlink()
    return written


def runs_and_resumes(meltano, project, store):
    """Twice: all records, then only what is new since the state that Meltano kept."""
    meltano("run", "--state-id-suffix", "kept", NAME, "target-jsonl")
    check(rows(project) == store.counts(), "meltano run: every record of the store")
    name = f"dev:{NAME}-to-target-jsonl:kept"
    state = json.loads(meltano("state", "get", name))["singer_state"]["bookmarks"]
    check(set(state) >= set(store.counts()) - {"coupons"}, f"meltano run: the state is kept: {sorted(state)}")
    meltano("run", "--state-id-suffix", "kept", NAME, "target-jsonl")
    again = rows(project)
    dated = ("orders", "customers", "products")
    check(all(again.get(stream, 0) < 50 for stream in dated), f"meltano run: resumes from it: {again}")
    later = json.loads(meltano("state", "get", name))["singer_state"]["bookmarks"]
    check(all(later[s]["date_modified"] >= state[s]["date_modified"] for s in dated), "the bookmarks never go back")


def added(work, package, python, store):
    """A new project, the tap added from the definition."""
    run(python.bin("meltano"), "init", "--no-usage-stats", work / "shop", cwd=work)
    project = work / "shop"

    def meltano(*words):
        return run(python.bin("meltano"), "--environment", "dev", *words, cwd=project)

    (work / "extractor.yml").write_text(DEFINITION + f"pip_url: {package}\n")
    meltano("add", "--plugin-type", "extractor", "--from-ref", work / "extractor.yml", NAME)
    (work / "loader.yml").write_text(LOADER)
    meltano("add", "--plugin-type", "loader", "--from-ref", work / "loader.yml", "target-jsonl")
    for setting, value in {**store.config, "_select": selection()}.items():
        meltano("config", "set", NAME, setting, value)
    listed = meltano("config", "list", NAME)
    check("access_token" in listed and store.config["access_token"] not in listed, "meltano config: the settings, without the token")
    check("Plugin configuration is valid" in meltano("config", "test", NAME), "meltano config test: a record arrives")
    runs_and_resumes(meltano, project, store)


def example(work, package, python, store):
    """The example project as it is, but for where its package comes from; settings in the environment."""
    project = work / "example"
    project.mkdir()
    text = (ROOT / "meltano" / "meltano.yml").read_text()
    check(text.count("pip_url: ..\n") == 1, "the example's package is the repository")
    (project / "meltano.yml").write_text(text.replace("pip_url: ..\n", f"pip_url: {package}\n"))
    environment = os.environ | {f"TAP_BIGCOMMERCE_{key.upper()}": value for key, value in store.config.items()}
    for words in (["install"], ["select", "--list", NAME], ["run", NAME, "target-jsonl"]):
        said = run(python.bin("meltano"), *words, cwd=project, env=environment)
        if "select" in words:
            check("orders.products" in said, "meltano select: lists fields")
    found = lines((project / "output" / "orders.jsonl").read_text(encoding="utf-8"))
    check(found and all("consignments" not in order and order["products"] is not None for order in found), "the example's selection holds")


def main():
    with folder() as work, Store() as store:
        python = Environment(work / "meltano", "meltano")
        built = wheel(Environment(work / "tools", "maturin>=1.9,<2").bin("maturin"), work)
        added(work, built, python, store)
        example(work, built, python, store)


if __name__ == "__main__":
    main()
