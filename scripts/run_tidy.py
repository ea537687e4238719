#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy over every source of a build, on all cores; unchanged sources are not run again."""
import argparse
import hashlib
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The commands are GCC's: clang lacks a warning that they name, and warns of GCC's own library.
EXTRA = ["--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wno-deprecated-declarations"]


def digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True, help="has compile_commands.json")
    parser.add_argument("--clang-tidy", required=True)
    parser.add_argument("sources", nargs="*", type=Path, help="only these (default: all)")
    args = parser.parse_args()

    commands = {}
    for entry in json.loads((args.build / "compile_commands.json").read_text()):
        path = Path(entry["directory"], entry["file"]).resolve()
        if ROOT in path.parents and args.build.resolve() not in path.parents:
            commands[path] = entry["command"]
    # Last of all folders: GCC's own, for headers that clang lacks, omp.h among them.
    compiler = shlex.split(next(iter(commands.values())))[0]
    gcc = subprocess.run([compiler, "-print-file-name=include"], text=True, capture_output=True, check=True).stdout
    extra = [*EXTRA, f"--extra-arg=-idirafter{gcc.strip()}"]
    chosen = {path.resolve() for path in args.sources} or set(commands)

    # A source is linted again when it, its command, any header, the rules or the tool changes.
    headers = [p for base in ("include", "src") for p in sorted((ROOT / base).rglob("*.h"))]
    version = subprocess.run([args.clang_tidy, "--version"], capture_output=True, check=True).stdout
    common = digest(version, (ROOT / ".clang-tidy").read_bytes(), *[p.read_bytes() for p in headers])
    passed = ROOT / "build/tidy-passed"
    passed.mkdir(parents=True, exist_ok=True)

    def lint(path: Path) -> str:
        stamp = passed / digest(common.encode(), commands[path].encode(), path.read_bytes())
        if stamp.exists():
            return ""
        run = subprocess.run([args.clang_tidy, "--quiet", "--use-color=false", *extra, "-p", args.build, path],
                             text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if run.returncode == 0:
            stamp.touch()
            return ""
        return run.stdout or f"{path}: clang-tidy ended with {run.returncode}\n"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outputs = list(pool.map(lint, sorted(chosen & set(commands))))
    failures = [output for output in outputs if output]
    print("".join(failures), end="")
    print(f"clang-tidy: {len(outputs)} sources, {len(failures)} with findings")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
