# SPDX-License-Identifier: Apache-2.0
"""A corpus of what a machine has: the texts of /usr/share/doc, and Django's message catalogues in ninety languages.

Which texts there are depends on what is installed, so a corpus is a file that is made once and kept.
"""

import ast
import gzip
import json
import pathlib
import random
import re
from collections.abc import Iterator

LONGEST = 4000  # characters; a paragraph of more is a table or a list
DOCUMENTS = ("README", "NEWS", "changelog", "copyright", "TODO", "FAQ")


def paragraphs(folder: pathlib.Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink() or not path.name.startswith(DOCUMENTS):
            continue
        data = path.read_bytes()
        try:
            text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
        except (UnicodeDecodeError, OSError, EOFError):
            continue
        for paragraph in re.split(r"\n\s*\n", text):
            yield " ".join(paragraph.split())


def messages(folder: pathlib.Path) -> Iterator[str]:
    """The translations in .po files: quoted strings behind msgstr."""
    for path in sorted(folder.rglob("*.po")):
        text = path.read_text(encoding="utf-8")
        for match in re.finditer(r'^msgstr(?:\[\d\])? ((?:".*"\n?)+)', text, re.MULTILINE):
            yield "".join(ast.literal_eval(line) for line in match[1].splitlines())


def texts_of(documents: pathlib.Path, catalogues: pathlib.Path | None) -> list[str]:
    """Every text once, shuffled: lengths and languages in no order."""
    found = dict.fromkeys(paragraphs(documents))
    if catalogues:
        found |= dict.fromkeys(messages(catalogues))
    texts = [text for text in found if 10 <= len(text) <= LONGEST]
    random.Random(1).shuffle(texts)
    return texts


def write(path: pathlib.Path, texts: list[str], rows: int) -> None:
    """So many rows; where there are fewer texts they come again, each time with another number before them."""
    with open(path, "w", encoding="utf-8") as file:
        for row in range(rows):
            again, place = divmod(row, len(texts))
            text = f"{again} {texts[place]}" if again else texts[place]
            file.write(json.dumps({"id": row, "text": text}, ensure_ascii=False) + "\n")
