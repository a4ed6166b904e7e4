#!/usr/bin/env -S python3 -B
"""Many stores on Ray: examples/ray/stores.py on two nodes, one of which is killed. Ray runs its tasks again on the other one. They resume from
the STATE in their messages, and every store arrives with every record.

Ray listens on all interfaces, so all of this runs in a network of its own, which has only the loopback interface. A process namespace ends
whatever is left of it. Both need the kernel's user namespaces, or root.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import time

from pinned import tools
from real import ROOT, Store, check, folder, program
from shards import check_complete, component, stores, truth

# As many as the nodes have cores.
STORES = 4
# Seconds until the cluster is up, until a store on the second node has a STATE, and until every store is complete.
LONGEST = 180

UNSHARE = ["unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def loopback():
    """Switches the loopback interface on."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def wait_for(what, true):
    """The first true answer; ends the script if there is none for too long."""
    late = time.monotonic() + LONGEST
    while not (answer := true()):
        if time.monotonic() > late:
            sys.exit(f"FAILED: within {LONGEST} s: {what}")
        time.sleep(0.1)
    print("ok:", what, flush=True)
    return answer


def node(name, ray, work, stack, *options):
    """A node of Ray; the process that holds its own ones together."""
    output = work / f"{name}.log"
    common = ["--node-ip-address=127.0.0.1", "--num-cpus=2", "--memory=2000000000", "--object-store-memory=100000000", "--disable-usage-stats"]
    with open(output, "w") as log:
        process = subprocess.Popen([ray, "start", "--block", *common, *options], stdout=log, stderr=log)
    stack.callback(process.kill)
    wait_for(f"the {name} node is up", lambda: process.poll() is not None or "Ray runtime started" in output.read_text())
    check(process.poll() is None, f"the {name} node runs{'' if process.poll() is None else output.read_text()}")
    return process


def processes():
    """The parent and the name of each process."""
    found = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, rest = re.search(r"\((.*)\) \S (\d+)", entry.read_text()).groups()
            found[int(entry.parent.name)] = int(rest), name
    return found


def children(parent):
    return {pid: name for pid, (of, name) in processes().items() if of == parent}


def read_by(raylet, out):
    """The stores whose messages a worker of this node has open."""
    found = set()
    for worker in children(raylet):
        with contextlib.suppress(OSError):
            files = {str(file.resolve()) for file in pathlib.Path("/proc", str(worker), "fd").iterdir()}
            found |= {messages.parent.name for messages in out.glob("*/messages.jsonl") if str(messages) in files}
    return found


def have_state(raylet, out):
    """The stores that this node reads, once each of them has a STATE."""
    reads = read_by(raylet, out)
    return reads if all(b'\n{"type":"STATE"' in (out / store / "messages.jsonl").read_bytes() for store in reads) else None


def inside(work, bin, tap, component):
    loopback()
    with stores(STORES) as configs, contextlib.ExitStack() as stack:
        (work / "stores").mkdir()
        for name, config in configs.items():
            (work / "stores" / f"{name}.json").write_text(json.dumps(config))
        began = time.monotonic()
        node("first", bin / "ray", work, stack, "--head", "--port=6379", "--include-dashboard=false", f"--temp-dir={work / 'ray'}")
        second = node("second", bin / "ray", work, stack, "--address=127.0.0.1:6379")
        raylet = next(pid for pid, name in children(second.pid).items() if name == "raylet")
        print(f"two nodes after {time.monotonic() - began:.1f} s", flush=True)

        out, told = work / "out", work / "told"
        job = [bin / "python", ROOT / "examples" / "ray" / "stores.py", component, work / "stores", out]
        with open(told, "w") as output, open(work / "job.log", "w") as log:
            environment = os.environ | {"RAY_ADDRESS": "127.0.0.1:6379", "HOME": str(work)}
            process = subprocess.Popen(job, stdout=output, stderr=log, env=environment)
        stack.callback(process.kill)
        lost = wait_for("the second node has a STATE of each of its stores", lambda: have_state(raylet, out))
        os.kill(raylet, signal.SIGKILL)
        print(f"the second node is killed after {time.monotonic() - began:.1f} s; it was reading {sorted(lost)}", flush=True)
        wait_for("the job has ended", lambda: process.poll() is not None)
        ended = [json.loads(line) for line in told.read_text().splitlines() if line.startswith('{"store"')]
        for line in ended:
            print(line)
        print(f"the job has ended after {time.monotonic() - began:.1f} s")
        check(process.returncode == 0, f"the job ended well{(work / 'job.log').read_text()[-3000:] if process.returncode else ''}")
        check({line["store"] for line in ended} == set(configs), "every store was read to its end")
        check(lost <= {line["store"] for line in ended if line["resumed"]}, "the stores of the other node resumed from their STATE")
        for name in configs:
            check_complete(name, (out / name / "messages.jsonl").read_bytes().splitlines(), truth(tap, name, work))


def main():
    if sys.argv[1:2] == ["--inside"]:
        inside(*map(pathlib.Path, sys.argv[2:]))
        return
    bin, tap, wasm = tools("ray"), pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else program(), component()
    with Store():  # Builds what the network namespace has no registry for.
        pass
    with folder() as work:
        again = [sys.executable, "-B", __file__, "--inside", work, bin, tap, wasm]
        sys.exit(subprocess.run([*UNSHARE, *again], check=False, timeout=5 * LONGEST).returncode)


if __name__ == "__main__":
    main()
