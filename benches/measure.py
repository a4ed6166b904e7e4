#!/usr/bin/env -S python3 -B
"""What a command takes: `measure.py FILE COMMAND…` runs it with its messages to nowhere and writes its measures to the file, as JSON.

A process of its own, and a small one, since the system counts the memory of whoever starts a process as part of that process's peak.
"""

import json
import os
import sys
import time


def main():
    file, *command = sys.argv[1:]
    begun = time.monotonic()
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    _, status, usage = os.wait4(child, 0)
    measures = {
        "wall": time.monotonic() - begun,
        "cpu": usage.ru_utime + usage.ru_stime,
        # Linux counts in KiB, macOS in bytes.
        "memory": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }
    with open(file, "w") as out:
        json.dump(measures, out)
    sys.exit(os.waitstatus_to_exitcode(status) and 1)


main()
