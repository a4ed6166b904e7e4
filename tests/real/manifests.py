#!/usr/bin/env -S python3 -B
"""What examples/ holds for other platforms can be used as it is: each manifest fits the platform's schema, the programs in it are accepted by
tap-bigcommerce and read the simulated store, each variable exists, and no secret is in any of them.

Kubernetes' schemas are those of its release, from PyPI; `wash` itself reads its config. Those of wasmCloud's and Spin's manifests are written
here after the types of wasmCloud 2.10 and Spin 4: the keys that the examples may use.
"""

import contextlib
import json
import os
import pathlib
import py_compile
import re
import runpy
import shutil
import sqlite3
import subprocess
import sys
import types

from pinned import tools, with_packages_of
from real import MOMENT, ROOT, TARGET, Store, check, folder, lines, program, run

EXAMPLES = ROOT / "examples"
VERSION = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
VARIABLE = re.compile(r"TAP_BIGCOMMERCE_[A-Z_]+")
# A value in place of where it comes from. `…` is for a person to fill in, and `${{ … }}` for GitHub.
SECRET = re.compile(r"""(?:TOKEN|token)["']?\s*[:=]\s*["']?(?!\$\{\{)[^\s"'…{\[]""")


def only(required=(), **properties):
    """A schema of an object with these keys alone."""
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def each(schema):
    return {"type": "array", "items": schema, "minItems": 1}


TEXT, COUNT = {"type": "string"}, {"type": "integer", "minimum": 0}
TEXTS = {"type": "object", "additionalProperties": TEXT}
ORIGIN = {"type": "string", "pattern": r"^https://[a-z0-9.-]+(:[0-9]+)?$"}
METADATA = only(["name"], name={"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"}, namespace=TEXT, labels=TEXTS)

NAMED = each(only(["name"], name=TEXT))
WASMCLOUD_COMPONENT = only(
    ["name", "image"],
    name=TEXT,
    image=TEXT,
    localResources=only(allowedHosts=each(ORIGIN), environment=only(config=TEXTS, configFrom=NAMED, secretFrom=NAMED)),
)
WASMCLOUD_INTERFACE = only(["namespace", "package", "interfaces"], namespace=TEXT, package=TEXT, interfaces=each(TEXT), version=TEXT, config=TEXTS)
WASMCLOUD_SPEC = only(hostSelector=TEXTS, components=each(WASMCLOUD_COMPONENT), hostInterfaces=each(WASMCLOUD_INTERFACE))
WORKLOAD_DEPLOYMENT = only(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "runtime.wasmcloud.dev/v1alpha1"},
    kind={"const": "WorkloadDeployment"},
    metadata=METADATA,
    spec=only(replicas=COUNT, template=only(spec=WASMCLOUD_SPEC)),
)

SPIN_COMPONENT = only(
    ["source"], source=TEXT, description=TEXT, environment=TEXTS, variables=TEXTS, allowed_outbound_hosts=each(ORIGIN), files=each(TEXT)
)
SPIN = only(
    ["spin_manifest_version", "application", "trigger", "component"],
    spin_manifest_version={"const": 2},
    application=only(["name"], name=TEXT, version={"const": VERSION}, description=TEXT),
    variables={"type": "object"},
    trigger=only(["http"], http=each(only(["route", "component"], route=TEXT, component=TEXT))),
    component={"type": "object", "additionalProperties": SPIN_COMPONENT},
)
WRANGLER = {
    "type": "object",
    "required": ["name", "main", "compatibility_date"],
    "properties": {"name": TEXT, "main": TEXT, "compatibility_date": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}},
}


def read(file):
    """The documents of a manifest."""
    if file.suffix == ".toml":
        import tomli

        return [tomli.loads(file.read_text())]
    import yaml

    return list(yaml.safe_load_all(file.read_text()))


def fits(manifest, schema, file):
    import jsonschema

    for fault in jsonschema.Draft202012Validator(schema).iter_errors(manifest):
        sys.exit(f"FAILED: {file}: {fault.json_path}: {fault.message}")


def kubernetes(manifest, file):
    if manifest["apiVersion"].startswith("runtime.wasmcloud.dev/"):
        fits(manifest, WORKLOAD_DEPLOYMENT, file)
    else:
        import kubernetes_validate

        try:
            kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
        except kubernetes_validate.ValidationError as fault:
            sys.exit(f"FAILED: {file}: {'.'.join(map(str, fault.path))}: {fault.message}")
    for image in found(manifest, "image"):
        check(image.endswith(f":{VERSION}"), f"{file.name}: the image {image} has this version")


def found(value, key):
    """All that a manifest has under a key, at any depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from [inner] if name == key else found(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from found(inner, key)


def wash(file, work):
    """wash shows what it has read: each key that it does not know is missing there."""
    import yaml

    shown = run(tools("wasmcloud") / "wash", "-C", file.parents[1], "config", "show", env=os.environ | {"HOME": str(work)})
    [manifest], known = read(file), yaml.safe_load(shown)

    def inside(part, whole, name):
        for key, value in part.items():
            if key not in whole:
                sys.exit(f"FAILED: {file}: wash does not know {name}{key}")
            if isinstance(value, dict):
                inside(value, whole[key], f"{name}{key}.")

    inside(manifest, known, "")


def check_manifest(file, work):
    name = str(file.relative_to(ROOT))
    if file.name == "spin.toml":
        [manifest] = read(file)
        fits(manifest, SPIN, file)
        served = {trigger["component"] for trigger in manifest["trigger"]["http"]}
        check(served == set(manifest["component"]), f"{name}: each component has a route")
    elif file.name == "wrangler.toml":
        fits(read(file)[0], WRANGLER, file)
    elif file.parts[-2:] == (".wash", "config.yaml"):
        wash(file, work)
    elif file.parent.name == "github":
        run(TARGET / "tools" / "bin" / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", file)
        run(TARGET / "tools" / "bin" / "zizmor", "--offline", "--quiet", file)
    elif file.suffix == ".yaml" and EXAMPLES in file.parents:
        for manifest in read(file):
            kubernetes(manifest, file)
    else:
        sys.exit(f"FAILED: {name}: nothing here checks it")
    check(True, f"{name} fits its schema")


def run_command(tap, work, store, file):
    """Runs the command of a Kubernetes manifest as its container would, in other folders, with the simulated store in its Secret."""
    [[container]] = found(read(file), "containers")
    place = work / file.stem
    (place / "stores").mkdir(parents=True)
    (place / "stores" / "0.json").write_text(json.dumps(store.config))
    mounts = {mount["mountPath"]: place if mount["name"] == "data" else place / "stores" for mount in container["volumeMounts"]}

    def here(word):
        for mounted, place_here in mounts.items():
            word = word.replace(mounted, str(place_here))
        return word.replace("$(STORE)", "0")

    environment = {entry["name"]: here(entry["value"]) for entry in container["env"] if "value" in entry}
    if "envFrom" in container:
        environment |= {f"TAP_BIGCOMMERCE_{key.upper()}": value for key, value in store.config.items()}
    program, *arguments = container["command"]
    check(program == "tap-bigcommerce", f"{file.name}: it runs the program")
    run(tap, *map(here, arguments), env=environment)
    rows = lines((place / "0" / "orders.jsonl").read_text()) if (place / "0").exists() else sqlite_rows(place / "shop.db")
    check(len(rows) == 500, f"{file.name}: its command reads the store")
    check((place / "home" / ".cache" / "tap-bigcommerce").exists(), f"{file.name}: the compiled component is kept on the volume")


def systemd(tap, work, store):
    """systemd has no fault to find with the units, and the service's command reads the store from the environment that the unit names."""
    units = sorted((EXAMPLES / "systemd").iterdir())
    service = next(unit for unit in units if unit.suffix == ".service").read_text()
    place = work / "systemd"
    place.mkdir()
    for unit in units:
        # It wants the program to be there.
        (place / unit.name).write_text(unit.read_text().replace("/usr/local/bin/tap-bigcommerce", str(tap)))
    if shutil.which("systemd-analyze"):
        instances = [place / unit.name.replace("@", "@shop") for unit in units]
        for unit, instance in zip(units, instances, strict=True):
            shutil.copy(place / unit.name, instance)
        said = subprocess.run(["systemd-analyze", "verify", *instances], capture_output=True, text=True, check=False, timeout=MOMENT)
        faults = [line for line in said.stderr.splitlines() if "tap-bigcommerce" in line]
        check(not faults, f"systemd-analyze verify: {', '.join(unit.name for unit in units)}{faults or ''}")
    else:
        print("NOT CHECKED: systemd-analyze is not installed")
    [command] = re.findall(r"^ExecStart=/usr/local/bin/tap-bigcommerce (.+)$", service, re.MULTILINE)
    environment = {f"TAP_BIGCOMMERCE_{key.upper()}": value for key, value in store.config.items()} | {"XDG_CACHE_HOME": str(place / "cache")}
    run(tap, *command.split(), env=environment, cwd=place)
    check(len(sqlite_rows(place / "shop.db")) == 500, "the service's command reads the store")


def workflow_command(tap, work, store, file):
    """The workflow's last step reads the store; the database is a file here."""
    steps = [step for job in read(file)[0]["jobs"].values() for step in job["steps"]]
    command, names = steps[-1]["run"], set(steps[-1]["env"])
    check(names == {"DATABASE", "TAP_BIGCOMMERCE_STORE_HASH", "TAP_BIGCOMMERCE_ACCESS_TOKEN"}, f"{file.name}: its secrets are in the environment")
    place = work / "github"
    place.mkdir()
    environment = {f"TAP_BIGCOMMERCE_{key.upper()}": value for key, value in store.config.items()}
    environment |= {"DATABASE": "sqlite:shop.db", "PATH": f"{tap.parent}:{os.environ['PATH']}", "HOME": str(place)}
    run("sh", "-c", command, env=environment, cwd=place)
    check(len(sqlite_rows(place / "shop.db")) == 500, f"{file.name}: its command reads the store")


def sqlite_rows(file):
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        return database.execute("SELECT id FROM orders").fetchall()


def run_dag(tap, work, store, file):
    """Runs the functions of the DAG without Airflow: a stand-in takes its decorators, and calls each mapped task at once."""
    place = work / "airflow"
    (place / "stores").mkdir(parents=True)
    (place / "stores" / "shop.json").write_text(json.dumps(store.config))
    called = []

    def task(function=None, **_):
        def expand(**values):
            [(name, each_value)] = values.items()
            called.extend(each_value)
            for value in each_value:
                function(**{name: value})

        if function is None:
            return task_with_options
        function.expand = expand
        return function

    def task_with_options(function):
        return task(function)

    sdk, exceptions = types.ModuleType("airflow.sdk"), types.ModuleType("airflow.sdk.exceptions")
    sdk.dag, sdk.task, exceptions.AirflowFailException = (lambda **_: lambda function: function), task, type("AirflowFailException", (Exception,), {})
    pendulum = types.ModuleType("pendulum")
    pendulum.datetime = lambda *_, **__: None
    sys.modules |= {"airflow": types.ModuleType("airflow"), "airflow.sdk": sdk, "airflow.sdk.exceptions": exceptions, "pendulum": pendulum}
    os.environ["TAP_BIGCOMMERCE_LOGLEVEL"] = "ERROR"
    os.environ |= {"BIGCOMMERCE_STORES": str(place / "stores"), "BIGCOMMERCE_OUT": str(place / "out"), "PATH": f"{tap.parent}:{os.environ['PATH']}"}
    runpy.run_path(str(file))
    check(called == ["shop"], f"{file.name}: a task for each config")
    check(len(lines((place / "out" / "shop" / "orders.jsonl").read_text())) == 500, f"{file.name}: the task reads the store")
    (place / "stores" / "shop.json").write_text(json.dumps(store.config | {"access_token": "another-token"}))
    try:
        runpy.run_path(str(file))
    except exceptions.AirflowFailException:
        check(True, f"{file.name}: a token that is refused is not tried again")
    else:
        sys.exit(f"FAILED: {file.name}: a token that is refused is no failure")


def main():
    with_packages_of("manifests")
    tap = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else program()
    tracked = [ROOT / name for name in subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0") if name]
    shared = [file for file in tracked if EXAMPLES in file.parents or file.name == "wrangler.toml"]
    manifests = [file for file in shared if file.suffix in (".yaml", ".yml", ".toml") and file.name != "Cargo.toml"]
    settings = set(VARIABLE.findall((ROOT / "docs" / "settings.md").read_text()))
    for file in shared:
        unknown = set(VARIABLE.findall(file.read_text())) - settings
        if unknown:
            sys.exit(f"FAILED: {file}: docs/settings.md does not have {unknown}")
    with folder() as work, Store() as store:
        for file in manifests:
            secret = SECRET.search(file.read_text())
            check(not secret, f"{file.relative_to(ROOT)}: no secret in it{f': {secret[0]}' if secret else ''}")
            check_manifest(file, work)
        for file in ("stores.yaml", "store.yaml"):
            run_command(tap, work, store, EXAMPLES / "kubernetes" / file)
        systemd(tap, work, store)
        workflow_command(tap, work, store, EXAMPLES / "github" / "sync.yml")
        run_dag(tap, work, store, EXAMPLES / "airflow" / "stores.py")
        for file in (file for file in shared if file.suffix == ".py"):
            py_compile.compile(str(file), cfile=str(work / "compiled"), doraise=True)
        check(True, "the examples in Python compile")


if __name__ == "__main__":
    main()
