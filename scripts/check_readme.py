#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the code of a document: sh blocks after <!-- run -->, and every C++ block as a user's program.

A block runs in an empty folder of its own, with the installed command first on PATH and MODEL
naming a model folder. "path/to/model" in a C++ block stands for that folder too.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

CMAKE = """cmake_minimum_required(VERSION 3.25)
project(example LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 20)
find_package(nestvec REQUIRED)
add_executable(example example.cc)
target_link_libraries(example PRIVATE nestvec::nestvec)
"""
BLOCK = re.compile(r"(?P<mark><!-- run -->\n)?^```(?P<language>sh|cpp)\n(?P<code>.*?)^```$",
                   re.MULTILINE | re.DOTALL)


def script_of(block: re.Match, folder: Path, prefix: Path, model: Path) -> str:
    if block["language"] == "sh":
        return block["code"]
    (folder / "example.cc").write_text(block["code"].replace("path/to/model", str(model)))
    (folder / "CMakeLists.txt").write_text(CMAKE)
    return (f"cmake -S . -B build -G Ninja -DCMAKE_PREFIX_PATH='{prefix}' >configure.log"
            " && cmake --build build && build/example")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefix", type=Path, required=True, help="where nestvec is installed")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("document", type=Path)
    args = parser.parse_args()
    text = args.document.read_text()
    environment = dict(os.environ, PATH=f"{args.prefix / 'bin'}:{os.environ['PATH']}",
                       MODEL=str(args.model))
    shutil.rmtree(args.scratch, ignore_errors=True)
    counts = {"passed": 0, "failed": 0}
    for block in BLOCK.finditer(text):
        place = f"{args.document}:{text.count(chr(10), 0, block.start()) + 1}"
        if block["language"] == "sh" and not block["mark"]:
            print(f"{place}: a sh block without <!-- run --> before it")
            counts["failed"] += 1
            continue
        folder = args.scratch / str(sum(counts.values()))
        folder.mkdir(parents=True)
        script = script_of(block, folder, args.prefix, args.model)
        run = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
        if run.returncode:
            print(f"{place}: the block failed with {run.returncode}\n{run.stdout}")
        counts["failed" if run.returncode else "passed"] += 1
    print(f"{args.document}: {counts['passed']} blocks ran, {counts['failed']} failed")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
