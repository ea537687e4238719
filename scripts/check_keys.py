#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that each key of the configuration that a text or a message names, such as `server.max_body`, is one of
docs/config.md."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECTIONS = {"inference_compute_info", "checkpoints", "runtime", "server"}
WORD = re.compile(rf"\b({'|'.join(sorted(SECTIONS))})\.([a-z][a-z_]+)\b(?!\.)")
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
CLARIFAI = {"checkpoints.when"}  # of its config.yaml; nothing here
FILES = {"cc", "h", "py", "md", "sh", "json", "yaml", "yml", "so"}  # server.cc is a file


def keys():
    section = None
    for line in (ROOT / "docs/config.md").read_text().splitlines():
        if found := re.match(r"## `(\w+)`", line):
            section = found[1]
        elif found := re.match(r"\| `(\w+)` \|", line):
            yield f"{section}.{found[1]}"


def texts():
    for place in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs", "deploy", "examples"):
        path = ROOT / place
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix[1:] in FILES | {"toml", "service", "container"}:
                yield file


def messages():
    """The strings of sources, line by line; outside them server.max_body_bytes is a member."""
    for pattern in ("src/**/*.cc", "src/**/*.h", "python/**/*.cc", "python/**/*.py", "src/**/*.json"):
        for path in sorted(ROOT.glob(pattern)):
            if path.stem.endswith("_test"):
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                yield path, number, " ".join(STRING.findall(line))


def lines():
    for path in texts():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            yield path, number, line
    yield from messages()


known = set(keys())
if not known:
    sys.exit("docs/config.md: no keys found")
found = [f"{path.relative_to(ROOT)}:{number}: {match[0]} is no key of docs/config.md"
         for path, number, line in lines()
         for match in WORD.finditer(line)
         if match[2] not in FILES and match[0] not in known | CLARIFAI]
print("\n".join(found) or f"the texts name keys that there are ({len(known)})")
sys.exit(bool(found))
