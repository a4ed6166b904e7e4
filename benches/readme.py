#!/usr/bin/env -S python3 -B
"""The README's pictures: a run on the simulated store as a terminal shows it, and what its report shows. Writes docs/run.svg and docs/report.svg."""

import html
import os
import pathlib
import pty
import re
import struct
import sys
import termios
from fcntl import ioctl

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "real"))
from real import ROOT, folder, program

COMMAND = ["--sandbox", "--output", "sqlite:shop.db", "--report", "report.html"]
COLUMNS, LETTER, LINE = 92, 8.4, 19
GROUND, TEXT, QUIET, BAR = "#15181d", "#e6e8eb", "#9aa3af", "#6ea3f2"
FONT = "font-family=\"ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace\""


def on_a_terminal(command, work):
    """All that a command writes to a terminal of so many columns, without what steers it."""
    child, screen = pty.fork()
    if not child:
        os.chdir(work)
        os.execvpe(command[0], command, os.environ | {"TERM": "xterm"})
    ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    written = b""
    while True:
        try:
            piece = os.read(screen, 1 << 16)
        except OSError:
            break
        if not piece:
            break
        written += piece
    if os.waitpid(child, 0)[1]:
        sys.exit(f"FAILED: {written.decode(errors='replace')}")
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())


def opening(width, height):
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img"'


def text(lines, colour_of):
    height = LINE * len(lines) + 32
    width = int(COLUMNS * LETTER) + 32
    parts = [
        f'<text x="16" y="{28 + LINE * place}" xml:space="preserve" fill="{colour_of(line)}">{html.escape(line)}</text>'
        for place, line in enumerate(lines)
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" {FONT} font-size="14">'
    )
    return "\n".join([head, f'<rect width="{width}" height="{height}" rx="8" fill="{GROUND}"/>', *parts, "</svg>"]) + "\n"


def picture_of_the_run(shown):
    """The command, a live line from the middle, and what stays."""
    pieces = [piece.rstrip() for piece in re.split(r"[\r\n]+", shown)]
    live = [piece for piece in pieces if "in flight" in piece]
    table = pieces[next(place for place, piece in enumerate(pieces) if piece.startswith("stream ")) :]
    lines = [f"$ tap-bigcommerce {' '.join(COMMAND)}", live[len(live) // 2] if live else "", *(line for line in table if line)]

    def colour(line):
        return BAR if line.startswith("$") else QUIET if "in flight" in line or line.startswith("stream ") else TEXT

    return text([line for line in lines if line], colour)


def picture_of_the_report(page):
    """The page's own bars, with their figures."""
    styles = {name: value for name, value in re.findall(r"--(\w+): (#[0-9a-f]+)", page.split("@media")[0])}
    fills = {"answers": "bar", "bar": "bar", "quota": "wait", "wait": "wait", "target": "sink", "computing": "compute"}
    rules = "".join(f".{name} {{ fill: {styles[colour]} }}" for name, colour in fills.items())
    figures = re.findall(r"<dt>(.+?)</dt><dd>(.+?)</dd>", page)
    verdict = re.search(r"<title>(.+?)</title>", page)[1]
    spent, requests = re.findall(r"<svg[^>]*viewBox=\"([^\"]+)\"[^>]*>(.*?)</svg>", page, re.DOTALL)
    legend = " · ".join(re.sub(r"<[^>]+>", "", part) for part in re.findall(r"<span><i[^>]*></i>(.*?)</span>", page.split("<svg")[0]))
    width, parts = 760, []

    def words(x, y, what, size=14, colour="text"):
        parts.append(f'<text x="{x}" y="{y}" font-size="{size}" fill="{styles[colour]}">{what}</text>')

    words(24, 44, verdict, 20)
    for place, (name, figure) in enumerate(figures):
        words(24 + 180 * place, 88, figure, 20)
        words(24 + 180 * place, 108, name, 13, "quiet")
    words(24, 150, "Where the time went", 15)
    words(24, 172, legend, 13, "quiet")
    parts.append(f'<svg x="24" y="184" width="{width - 48}" height="24" viewBox="{spent[0]}" preserveAspectRatio="none">{spent[1]}</svg>')
    words(24, 246, "Requests over time", 15)
    parts.append(f'<svg x="24" y="258" width="{width - 48}" height="120" viewBox="{requests[0]}" preserveAspectRatio="none">{requests[1]}</svg>')
    height = 402
    head = f'{opening(width, height)} font-family="system-ui, sans-serif">'
    ground = f'<rect width="{width}" height="{height}" rx="8" fill="{styles["ground"]}" stroke="{styles["line"]}"/>'
    return "\n".join([head, f"<style>{rules}</style>", ground, *parts, "</svg>"]) + "\n"


def main():
    tap = program()
    with folder() as work:
        shown = on_a_terminal([str(tap), *COMMAND], work)
        page = (work / "report.html").read_text()
    (ROOT / "docs" / "run.svg").write_text(picture_of_the_run(shown))
    (ROOT / "docs" / "report.svg").write_text(picture_of_the_report(page))
    print("docs/run.svg, docs/report.svg")


main()
