"""Bars as an SVG that is readable on light and on dark pages."""

from xml.sax.saxutils import escape

WIDTH, NAMES, VALUES = 720, 230, 90
LINE, BAR, HEAD, GAP = 24, 16, 34, 14

STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.head { font-weight: 600; font-size: 15px; }
rect { fill: #8c959f; }
.own { fill: #0969da; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  rect { fill: #6e7681; }
  .own { fill: #4493f8; }
}"""


def draw(panels):
    """Panels of a title and bars: a name, a value, and the value as text. Those of this tap stand out."""
    parts, y = [], 0
    for title, bars in panels:
        parts.append(f'<text class="head" x="0" y="{y + 20}">{escape(title)}</text>')
        y += HEAD
        most = max(value for _, value, _ in bars)
        for name, value, shown in bars:
            length = max(1, round((WIDTH - NAMES - VALUES) * value / most))
            own = ' class="own"' if name.startswith("this tap") else ""
            parts.append(f'<text x="{NAMES - 10}" y="{y + 13}" text-anchor="end">{escape(name)}</text>')
            parts.append(f'<rect{own} x="{NAMES}" y="{y}" width="{length}" height="{BAR}" rx="2"/>')
            parts.append(f'<text x="{NAMES + length + 8}" y="{y + 13}">{escape(shown)}</text>')
            y += LINE
        y += GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img">'
    about = "<title>Time and memory of each way to read a store; the tables below have the same numbers</title>"
    return "\n".join([head, about, f"<style>\n{STYLE}\n</style>", *parts, "</svg>"]) + "\n"
