#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws README's picture, the similarities of six sentences: draw_quickstart.py NESTVEC OUT.svg."""

import html
import json
import pathlib
import subprocess
import sys

SENTENCES = (
    "The cat is sleeping on the sofa.",
    "A kitten naps on the couch.",
    "The central bank raised interest rates.",
    "Borrowing money became more expensive.",
    "How do I bake sourdough bread?",
    "Mix flour, water and salt, then let the dough rise.",
)
ROW, CELL, LEFT, TOP = 34, 62, 372, 34
BLUE, INK, PAPER = (31, 89, 170), "#1f2328", "#ffffff"


def similarities(nestvec):
    """Cosines of every pair; the vectors have length 1."""
    seen = subprocess.run([nestvec, "embed", "--format", "jsonl", "--", *SENTENCES], check=True,
                          capture_output=True, text=True)
    vectors = [json.loads(line)["embedding"] for line in seen.stdout.splitlines()]
    return [[sum(x * y for x, y in zip(a, b)) for b in vectors] for a in vectors]


def colour(cosine):
    share = min(max(cosine, 0), 1)
    return "#" + "".join(f"{round(255 + (c - 255) * share):02x}" for c in BLUE)


def text(x, y, words, anchor="start", fill=INK):
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{fill}">{html.escape(words)}</text>'


def draw(table):
    width, height = LEFT + CELL * len(SENTENCES) + 16, TOP + ROW * len(SENTENCES) + 14
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'viewBox="0 0 {width} {height}" role="img" font-family="system-ui, sans-serif" font-size="14">',
             "<title>Cosine similarities of six sentences: pairs with one meaning stand out</title>",
             f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}"/>']
    for i, (sentence, row) in enumerate(zip(SENTENCES, table)):
        y = TOP + ROW * i
        lines.append(text(16, y + 22, f"{i + 1}  {sentence}"))
        lines.append(text(LEFT + CELL * i + CELL / 2, TOP - 12, str(i + 1), "middle"))
        for j, cosine in enumerate(row):
            x = LEFT + CELL * j
            lines.append(f'<rect x="{x + 1}" y="{y + 1}" width="{CELL - 2}" height="{ROW - 2}" rx="3" '
                         f'fill="{colour(cosine)}" stroke="#d0d7de" stroke-width="0.5"/>')
            lines.append(text(x + CELL / 2, y + 22, f"{cosine:.2f}", "middle", PAPER if cosine > 0.75 else INK))
    return "\n".join([*lines, "</svg>", ""])


def main():
    nestvec, out = sys.argv[1:]
    pathlib.Path(out).write_text(draw(similarities(nestvec)))


if __name__ == "__main__":
    main()
