# SPDX-License-Identifier: Apache-2.0
"""Tables in Markdown, and the part of a document that a benchmark writes."""

import pathlib

Table = list[list[str]]


def table(rows: Table) -> str:
    """The first row is the head. The first column is text, the others are numbers."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]

    def line(cells: list[str]) -> str:
        return "| " + " | ".join([cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])]) + " |"
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(rows[0]), line(rule), *map(line, rows[1:])]) + "\n"


def rewrite(document: pathlib.Path, target: str, text: str) -> None:
    """Puts `text` between the markers of this target of make, which it adds at the end where there are none."""
    begin, end = f"<!-- {target}: begin; written by `make {target}` -->", f"<!-- {target}: end -->"
    old = document.read_text() if document.exists() else ""
    if begin not in old:
        old = old.rstrip("\n") + f"\n\n{begin}\n{end}\n"
    before, rest = old.split(begin, 1)
    if end not in rest:
        raise SystemExit(f"{document}: the end marker is missing: {end}")
    document.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{rest.split(end, 1)[1]}")
