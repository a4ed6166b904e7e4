#!/usr/bin/env -S python3 -B
"""The npm package on Node: what it packs, the types, the README's example word for word, with the program's own records, and the tests in npm/test.

node.py [PROGRAM]    a program that is built already
"""

import json
import re
import signal
import subprocess
import sys

from javascript import PACKAGE, QUIET, environment, node, npm, package, test, tested
from nginx import certificates
from real import MOMENT, ROOT, Store, check, folder, lines, program, run

PACKED = {
    "LICENSE",
    "README.md",
    "package.json",
    "wrangler.toml",
    *(f"dist/tap.{name}" for name in ("core.wasm", "core2.wasm", "core3.wasm", "d.ts", "js")),
    *(f"types/{name}.d.ts" for name in ("index", "wasm", "worker")),
}
LARGE = 1000  # orders
# Kills the process when it is about to keep its second STATE.
KILL = """import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
const { rename } = fs;
let kept = 0;
fs.rename = async (...names) => {
  kept += 1;
  if (kept === 2) process.kill(process.pid, "SIGKILL");
  await rename(...names);
};
syncBuiltinESMExports();
"""


def records(text):
    """The SCHEMA and RECORD messages, without the time of their extraction."""
    messages = [message for message in lines(text) if message["type"] != "STATE"]
    return sorted(json.dumps({key: value for key, value in message.items() if key != "time_extracted"}) for message in messages)


def state(text):
    return [message["value"] for message in lines(text) if message["type"] == "STATE"][-1]


def example():
    found = re.search(r"```js\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL)
    check(found, "the README has an example")
    return found[1]


def pack(work):
    packed = json.loads(npm("pack", "--json", "--pack-destination", work, cwd=PACKAGE))[0]
    names = {file["path"] for file in packed["files"]}
    sources = {name for name in names if name.startswith("src/")}
    check(names - sources == PACKED and sources, f"the package has its files and no other: {len(names)}, {packed['size'] // 1024} KiB packed")
    version = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    check(packed["version"] == version, f"its version is the workspace's, {version}")
    return work / packed["filename"]


def project(work, packed):
    """A user's project with the package, and nothing else."""
    made = work / "project"
    made.mkdir()
    (made / "package.json").write_text('{"type": "module"}')
    npm("install", "--offline", *QUIET, packed, cwd=made)
    check(
        [path.name for path in (made / "node_modules").iterdir() if not path.name.startswith(".")] == ["tap-bigcommerce"], "it needs no other package"
    )
    return made


def types(made):
    (made / "example.ts").write_text(example().replace("(line) =>", "(line: string) =>"))
    settings = {
        "module": "nodenext",
        "target": "esnext",
        "strict": True,
        "noEmit": True,
        "types": ["node"],
        "typeRoots": [str(PACKAGE / "node_modules" / "@types")],
    }
    (made / "tsconfig.json").write_text(json.dumps({"compilerOptions": settings, "files": ["example.ts"]}))
    compiler = PACKAGE / "node_modules" / "typescript" / "bin" / "tsc"
    node(compiler, cwd=made)
    node(compiler, cwd=PACKAGE)
    wrong = (made / "example.ts").read_text().replace("select: [", "select: [3, ")
    (made / "example.ts").write_text(wrong)
    try:
        node(compiler, cwd=made)
    except SystemExit as failed:
        check("not assignable" in str(failed.code), "the types fit the sources and the example, and catch a wrong one")
    else:
        check(False, "the types catch a wrong example")


def survives_a_kill(made, tap):
    expected = set(records(run(tap, "--config", made / "config.json", "--select", "orders,customers")))
    kept, messages = made / "state.json", made / "messages.jsonl"
    kept.unlink()
    messages.unlink()
    (made / "kill.js").write_text(KILL)
    check(ran(made, "--import", "./kill.js").returncode == -signal.SIGKILL, "the example is killed in the middle of a run")
    whole = messages.read_text()
    states = [message["value"] for message in lines(whole) if message["type"] == "STATE"]
    check(json.loads(kept.read_text()) == states[0], "its last STATE is kept whole")
    # A line that is torn within a letter.
    messages.write_bytes(whole.encode() + '{"type":"RECORD","é'.encode()[:-1])
    done = ran(made)
    found = messages.read_text()
    check(done.returncode == 0 and found.startswith(whole), f"it resumes, and only the torn line is removed{done.stderr}")
    check(set(records(found)) == expected, f"no record is missing: {len(expected)} messages")
    check(json.loads(kept.read_text()) == state(found), "its state is the last one")
    kept.unlink()
    kept.mkdir()
    done = ran(made)
    check(done.returncode == 1 and "EISDIR" in done.stderr and messages.read_text() == found, "a state that cannot be read ends it before it writes")


def ran(made, *options):
    """The example, run to its end."""
    command = [tested(), *options, "example.js"]
    try:
        return subprocess.run(command, cwd=made, env=environment(), capture_output=True, text=True, check=False, timeout=MOMENT)
    except subprocess.TimeoutExpired:
        return check(False, "the process ends when the run has ended")


def runs_like_the_program(made, store, tap):
    (made / "config.json").write_text(json.dumps(store.config))
    (made / "config.json").chmod(0o600)
    (made / "example.js").write_text(example())
    for begin in ("from the start", "from the state"):
        own = run(
            tap,
            "--config",
            made / "config.json",
            "--select",
            "orders,customers",
            *(["--state", made / "own.json"] if begin == "from the state" else []),
        )
        (made / "messages.jsonl").unlink(missing_ok=True)
        done = ran(made)
        check(done.returncode == 0, f"{begin}: the example ends well{done.stderr}")
        found = (made / "messages.jsonl").read_text()
        check(records(found) == records(own) and state(found) == state(own), f"{begin}: the messages of the program, {len(records(own))}")
        check(json.loads((made / "state.json").read_text()) == state(own), f"{begin}: the state is kept")
        (made / "own.json").write_text(json.dumps(state(own)))


def main():
    package()
    tap = sys.argv[1] if len(sys.argv) > 1 else program()
    with folder() as work, Store(orders=60) as store, Store(orders=LARGE) as large:
        made = project(work, pack(work))
        types(made)
        runs_like_the_program(made, store, tap)
        survives_a_kill(made, tap)
        stores = {"TAP_BIGCOMMERCE_TEST_STORE": json.dumps(store.config), "TAP_BIGCOMMERCE_TEST_LARGE_STORE": json.dumps(large.config)}
        certificates(work)
        test("door", "node", "tls", settings=stores | {"TAP_BIGCOMMERCE_TEST_CERTIFICATES": str(work)})


main()
