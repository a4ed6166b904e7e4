"""What was measured, as tables in Markdown and as goals that are met or not; and where they are written."""

import math

import picture
from real import ROOT
from subjects import IN_FLIGHT, LATENCY_MS, QUOTA, SECONDS

PAGE = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "performance.svg"
BEGIN, END = "<!-- measured -->\n", "<!-- end of measured -->\n"


def tables(data):
    parts = [
        introduction(data["machine"], named(data["no latency"]["all"], "bare download")),
        "### Goals",
        table(["goal", "wanted", "measured", ""], goals(data)),
        "### Without latency",
        comparison(data["no latency"]["all"]),
        "The store builds each answer again:",
        plain(data["cold"]),
        f"### With {LATENCY_MS} ms of latency",
        comparison(data["latency"]["all"]),
        "Each stream by itself, with the lists of its records:",
        table(["stream", "requests", f"requests times {LATENCY_MS} ms / {IN_FLIGHT}", "wall", "ratio"], streams(data["latency"]["streams"])),
        f"### With a quota of {QUOTA} requests in {SECONDS} s",
        table(["", "requests", "429", "full windows needed", "wall", "ratio"], [quota(row) for row in data["quota"]]),
        "### The Python tap",
        plain(data["no latency"]["python"]),
    ]
    if data["latency"]["python"]:
        parts += [f"With {LATENCY_MS} ms of latency, once:", plain(data["latency"]["python"])]
    if data["memory"]:
        parts += ["### Many records", plain(data["memory"])]
    return "\n\n".join(parts) + "\n"


def introduction(machine, bare):
    ceiling = f" The store's ceiling: {bare.median('requests') / wall(bare):,.0f} requests per second, by the bare download." if bare else ""
    python = f", {machine['python']}" if machine["python"] else ""
    note = f" {machine['note']}" if machine["note"] else ""
    return (
        f"{machine['day']}, commit {machine['commit']}: {machine['system']}, {machine['cores']} cores; {', '.join(machine['versions'])}{python}. "
        f"Medians of {machine['rounds']} rounds, with the least and the most.{ceiling}{note}"
    )


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def comparison(rows):
    """Each way to read, relative to the bare download."""
    base = wall(named(rows, "bare download"))
    head = ["", "wall", "speed of the bare download", "CPU", "peak memory", "requests", "429"]
    return table(head, [[row.name, *cells(row, f"{base / wall(row):.2f}" if base and row.runs else "")] for row in rows])


def plain(rows):
    head = ["", "wall", "CPU", "peak memory", "requests", "429"]
    return table(head, [[row.name, *cells(row)] for row in rows])


def cells(row, *after_wall):
    if not row.runs:
        return [row.missing, *[""] * (4 + len(after_wall))]
    return [spread(row), *after_wall, f"{row.median('cpu'):.2f} s", megabytes(row), f"{row.median('requests'):,.0f}", row.most("refused")]


def spread(row):
    least, most = row.least("wall"), row.most("wall")
    return f"{wall(row):.2f} s" + (f" ({least:.2f} to {most:.2f})" if len(row.runs) > 1 else "")


def megabytes(row):
    return f"{row.most('memory') / 1e6:.0f} MB"


def streams(rows):
    return [[row.name, f"{row.median('requests'):,.0f}", f"{ideal(row):.3f} s", spread(row), f"{wall(row) / ideal(row):.2f}"] for row in rows]


def ideal(row):
    """The time that a stream would take if all of its requests were sent side by side. No request takes less than one latency."""
    return max(1, row.median("requests") / IN_FLIGHT) * LATENCY_MS / 1000


def quota(row):
    requests = row.median("requests")
    return [row.name, f"{requests:,.0f}", row.most("refused"), windows(row), spread(row), f"{wall(row) / (windows(row) * SECONDS):.3f}"]


def windows(row):
    """The windows that have to end before the last request may be sent."""
    return math.ceil(row.median("requests") / QUOTA) - 1


def wall(row):
    return row.median("wall") if row and row.runs else None


def named(rows, name):
    return next((row for row in rows if row.name == name and row.runs), None)


def goals(data):
    """Each goal with what was measured of it."""
    fast, far = data["no latency"]["all"], data["latency"]["streams"]
    tap, native, bare = (named(fast, name) for name in ("this tap", "its core, built natively", "bare download"))
    python, same = (named(data["no latency"]["python"], name) for name in ("the Python tap", "this tap, the same catalog"))
    few, many, few_orders, many_orders = data["memory"] or [None] * 4
    embedded = data["no latency"]["embedded"]
    packed, raw = data["size"]["gzip"], data["size"]["raw"]
    found = [
        goal("CPU, relative to the Python tap's", ratio(same, python, "cpu"), "≤ 1/20", lambda value: f"1/{1 / value:.0f}", most=1 / 20),
        goal("requests, relative to the Python tap's for the same fields", ratio(same, python, "requests"), "≤ 1.02", most=1.02),
        goal("speed without latency, relative to a bare download", ratio(bare, tap, "wall"), "≥ 0.6", least=0.6),
        goal("speed without latency, relative to the core built natively", ratio(native, tap, "wall"), "≥ 0.75", least=0.75),
    ]
    for row in far:
        what = f"{row.name} at {LATENCY_MS} ms: wall, relative to requests times latency / {IN_FLIGHT}"
        found.append(goal(what, wall(row) / ideal(row), "≤ 1.25", most=1.25))
    for row in data["quota"]:
        what = f"wall with a quota, relative to the full windows needed: {row.name}"
        found.append(goal(what, wall(row) / (windows(row) * SECONDS), "≤ 1.02", lambda value: f"{value:.3f}", most=1.02))
    pages = embedded["orders"] / 250 + 2
    what = f"requests for pages of {embedded['orders']:,} orders with embedded lines"
    found.append(goal(what, embedded["pages"], f"≤ {pages:.0f}", "{}".format, most=pages))
    if embedded["incomplete"]:
        what = f"requests for each of the {embedded['incomplete']} orders whose embedded lines may not be complete"
        found.append(goal(what, embedded["single"] / embedded["incomplete"], "≤ 3", most=3))
    first = data["no latency"]["first"].median("wall")
    found += [
        goal("first message of a program that has run before", first, "≤ 50 ms", lambda value: f"{value * 1000:.0f} ms", most=0.05),
        goal("peak memory at 1,000,000 customers", many and many.most("memory"), "≤ 60 MB", lambda value: f"{value / 1e6:.0f} MB", most=60e6),
        goal("peak memory at 1,000,000 customers, relative to 2,000", ratio(many, few, "memory"), "≤ 1.1", most=1.1),
        goal("peak memory at 60,000 orders, relative to 2,000", ratio(many_orders, few_orders, "memory"), "≤ 1.1", most=1.1),
        goal("component", packed, "< 450 KB as gzip", lambda value: f"{value / 1e3:.0f} KB ({raw / 1e3:,.0f} KB raw)", most=450e3),
    ]
    return found


def goal(what, value, wanted, shown="{:.2f}".format, most=math.inf, least=0.0):
    if value is None:
        return [what, wanted, "not measured", ""]
    return [what, wanted, shown(value), "met" if least <= value <= most else "**not met**"]


def ratio(above, below, what):
    return above.median(what) / below.median(what) if above and below else None


def write(text, data):
    old = PAGE.read_text(encoding="utf-8")
    before, rest = old.split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(f"{before}{BEGIN}{text}{END}{after}", encoding="utf-8")
    PICTURE.write_text(picture.draw(panels(data)), encoding="utf-8")


def panels(data):
    """What the picture shows: a title, and bars with a value and what is written next to it."""

    def bars(rows, what, unit):
        return [(row.name, row.median(what), unit(row.median(what))) for row in rows if row.runs]

    def seconds(value):
        return f"{value:.2f} s"

    found = [
        ("Wall time without latency", bars(data["no latency"]["all"], "wall", seconds)),
        (f"Wall time with {LATENCY_MS} ms of latency", bars(data["latency"]["all"], "wall", seconds)),
        ("Peak memory", [(row.name, row.most("memory"), megabytes(row)) for row in data["no latency"]["all"] if row.runs]),
        ("CPU, relative to the Python tap", bars(data["no latency"]["python"], "cpu", seconds)),
    ]
    return [panel for panel in found if panel[1]]
