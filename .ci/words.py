#!/usr/bin/env python3
"""Finds the words that the first table of CONTRIBUTING.md replaces, in the files that git knows below the given paths.

Code in Markdown and snapshots are not read: they quote messages and output as they are. Elsewhere names are read too, `_` as a space.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def replaced():
    """Each form of a word in the table, and what to write instead."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = page.split("| instead of | write |\n| --- | --- |\n")[1].split("\n\n")[0]
    rows = [row.strip("| ").split(" | ") for row in table.splitlines()]
    return {form: better for forms, better in rows for form in forms.split(", ")}


def blank(match):
    """Line ends alone, so that lines keep their numbers."""
    return re.sub(r"[^\n]+", " ", match[0])


def main():
    words = replaced()
    pattern = re.compile(r"\b(" + "|".join(form.replace(" ", r"\s+(?:(?://[/!]?|#)\s+)?") for form in words) + r")\b", re.IGNORECASE)
    paths = subprocess.run(["git", "ls-files", "-z", "--", *sys.argv[1:]], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    files = [ROOT / name for name in paths.split("\0") if name and name != "CONTRIBUTING.md" and not name.endswith(".snap")]
    # Links are skipped: the files that they point to are read themselves.
    files = [file for file in files if not file.is_symlink()]
    if not files:
        sys.exit("no file was read: are the paths right?")
    found = 0
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        text = CODE.sub(blank, text) if file.suffix == ".md" else text.replace("_", " ")
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            form = " ".join(word for word in match[1].lower().split() if word.isalpha())
            print(f'{file.relative_to(ROOT)}:{line}: instead of "{form}" write: {words[form]}')
            found += 1
    if found:
        sys.exit(f"{found} words to replace; CONTRIBUTING.md, Language")
    print(f"{len(files)} files hold none of {len(words)} words")


if __name__ == "__main__":
    main()
