#!/usr/bin/env -S python3 -B
"""Behind nginx as Debian packages it, over TLS with HTTP/2 and with HTTP/1.1: it closes each connection after 1,000 requests (over
HTTP/1.1 there are too many for any to get there), and what it leaves unanswered then costs no retry and no warning. Times are shown and not judged.

nginx is installed with apt if it is missing; it runs from a temporary folder, on ports that this script holds, and is stopped at the end.
A program named on the command line is tried instead of this tree's.
"""

import collections
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time

from real import Store, check, folder, lines, program, run

# About 4,500 requests.
ORDERS = 1400
KEEPALIVE_REQUESTS = 1000  # nginx's default, which the configuration leaves alone.

CONFIGURATION = """
{user}
daemon off;
pid {work}/nginx.pid;
error_log stderr error;
events {{}}
http {{
    log_format requests '$connection $server_protocol $status';
    client_body_temp_path {work}/body;
    proxy_temp_path {work}/proxy;
    fastcgi_temp_path {work}/fastcgi;
    uwsgi_temp_path {work}/uwsgi;
    scgi_temp_path {work}/scgi;
    ssl_certificate {work}/server.pem;
    ssl_certificate_key {work}/server.key;
    upstream store {{ server {store}; keepalive 64; }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    server {{
        listen 127.0.0.1:{http2} ssl http2;
        access_log {work}/http2.log requests;
        location / {{ proxy_pass http://store; }}
    }}
    server {{
        listen 127.0.0.1:{http1} ssl;
        access_log {work}/http1.log requests;
        location / {{ proxy_pass http://store; }}
    }}
}}
"""


def install():
    missing = [name for name in ("nginx", "openssl") if not shutil.which(name)]
    if missing:
        check(os.getuid() == 0, f"this account may install what is missing: {missing}")
        run("apt-get", "update", "--quiet")
        run("apt-get", "install", "--yes", "--quiet", *missing)


def certificates(work):
    """An authority, and a certificate for 127.0.0.1 that it vouches for."""
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    run(*new, "-subj", "/CN=authority", "-keyout", work / "ca.key", "-out", work / "ca.pem")
    issued = [
        "-CA",
        work / "ca.pem",
        "-CAkey",
        work / "ca.key",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ]
    run(*new, "-subj", "/CN=127.0.0.1", "-keyout", work / "server.key", "-out", work / "server.pem", *issued)


@contextlib.contextmanager
def nginx(work, store):
    """nginx before the store; gives its two origins. It takes over sockets that listen already, as in an upgrade, so that no port is guessed."""
    sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in ("http2", "http1")}
    ports = {name: held.getsockname()[1] for name, held in sockets.items()}
    # Root's workers would be another user, who may not enter this folder.
    user = "user root;" if os.getuid() == 0 else ""
    (work / "nginx.conf").write_text(CONFIGURATION.format(work=work, store=store, user=user, **ports))
    handed = [held.fileno() for held in sockets.values()]
    environment = os.environ | {"NGINX": "".join(f"{number};" for number in handed)}
    command = ["nginx", "-e", "stderr", "-p", work, "-c", work / "nginx.conf"]
    with open(work / "nginx.err", "w") as errors:
        process = subprocess.Popen(command, stderr=errors, pass_fds=handed, env=environment)
    try:
        yield {name: f"https://127.0.0.1:{port}" for name, port in ports.items()}
        check(process.poll() is None, "nginx has run to the end")
    finally:
        process.terminate()
        process.wait()
        for held in sockets.values():
            held.close()
        print((work / "nginx.err").read_text(), file=sys.stderr, end="")


def sync(tap, work, config, origin):
    """A run against an origin: its records of each stream, its requests with retries, its warnings, and how long it took."""
    (work / "config.json").write_text(json.dumps(config | {"api_url": origin}))
    (work / "config.json").chmod(0o600)
    started = time.monotonic()
    done = subprocess.run([tap, "--config", work / "config.json", "--ca-file", work / "ca.pem"], check=False, capture_output=True, text=True)
    took = time.monotonic() - started
    check(done.returncode == 0, f"{origin}: the run ended well{done.stderr[-2000:] if done.returncode else ''}")
    ids = collections.defaultdict(set)
    for message in lines(done.stdout):
        if message["type"] == "RECORD":
            ids[message["stream"]].add(message["record"]["id"])
    log = done.stderr.split("\n")
    metrics = [json.loads(line.removeprefix("INFO METRIC: ")) for line in log if line.startswith("INFO METRIC: ")]
    requests = sum(metric["value"] for metric in metrics if metric["metric"] == "http_request_count")
    warnings = sorted(line for line in log if line.startswith("WARNING "))
    return {stream: len(found) for stream, found in ids.items()}, requests, warnings, took


def main():
    install()
    tap = sys.argv[1] if len(sys.argv) > 1 else program()
    with folder() as work, Store(orders=ORDERS) as store:
        certificates(work)
        records = store.counts()
        direct = sync(tap, work, store.config, store.config["api_url"])
        check(direct[0] == records and direct[1] > 4 * KEEPALIVE_REQUESTS, f"without nginx: all records, in {direct[1]} requests: {records}")
        shown = [f"without nginx: {direct[3]:.1f} s"]
        with nginx(work, store.config["api_url"].removeprefix("http://")) as origins:
            for name, protocol in (("http2", "HTTP/2.0"), ("http1", "HTTP/1.1")):
                found, requests, warnings, took = sync(tap, work, store.config, origins[name])
                answered = [line.split() for line in (work / f"{name}.log").read_text().splitlines()]
                connections = collections.Counter(connection for connection, _, _ in answered)
                new = [line for line in warnings if line not in direct[2]]
                shown.append(f"{protocol}: {took:.1f} s, {requests} requests, {len(connections)} connections, {len(new)} warnings")
                print(shown[-1], flush=True)
                check({spoken for _, spoken, _ in answered} == {protocol}, f"{protocol}: it is what was spoken")
                if name == "http2":
                    check(max(connections.values()) >= KEEPALIVE_REQUESTS, f"{protocol}: nginx has closed connections that were full")
                check(warnings == direct[2], f"{protocol}: no warning but those without nginx: {new[:3]}")
                check(requests == direct[1], f"{protocol}: no retries")
                check(len(answered) == requests, f"{protocol}: nothing was answered twice")
                check(found == records, f"{protocol}: all records")
        print("\n".join(shown))


if __name__ == "__main__":
    main()
