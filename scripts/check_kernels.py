#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_kernels.py BUILD: a kernel's object files define names of their own instruction set alone,
and hold the instructions of that set and of none above it.

Any other name, such as an inline function of the standard library, could be the copy that the
linker keeps for the whole program, and would then run on processors that lack its instructions.
"""
import re
import subprocess
import sys
from pathlib import Path

# What an instruction set adds to those before it: the instructions that may then occur, and in
# which source they must.
LEVELS = {
    "generic": {},
    "avx2": {"gemm_f32": r"vfmadd231ps .*%ymm", "gemm_s8": r"vpmaddwd .*%ymm"},
    "avx512": {"gemm_f32": r"vfmadd231ps .*%zmm", "gemm_s8": r"vpmaddwd .*%zmm"},
    "avx512_vnni": {"gemm_s8": r"vpdpbusd .*%zmm"},
    "avx512_bf16": {"gemm_bf16": r"vdpbf16ps .*%zmm", "gemm_s8": r"vpdpbusd .*%zmm"},
    "amx": {"gemm_bf16": r"tdpbf16ps .*%tmm", "gemm_s8": r"tdpbusd .*%tmm"},
}
# Instructions of a level, and the levels from which on they may occur.
OWN = {r"vpdp\w+ ": "avx512_vnni", r"v\w*bf16\w* |vcvtne2?ps2bf16": "avx512_bf16",
       r"(ld|st)tilecfg|tile\w+|tdp\w+ ": "amx"}
# Of no level: base/cpu.h does not look for them.
NEVER = r"vcvtph2ps|vcvtps2ph|vpconflict|vplzcnt|vpermb |vpermi2b|vpmadd52|vpopcnt|v4f|vp2inter"
VEX = {"c4", "c5"}
EVEX = "62"
LEGACY_PREFIXES = {"66", "f2", "f3", "2e", "36", "3e", "26", "64", "65", "f0"}
INSTRUCTION = re.compile(r"\s*[0-9a-f]+:\t([0-9a-f ]+)\t(.*)")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def foreign_names(path, isa):
    for line in run("nm", "--demangle", "--defined-only", "--extern-only", str(path)):
        name = line.split(maxsplit=2)[2]
        if f"nestvec::{isa}::" not in name:
            yield f"defines {name}"


def encoding_problem(first, isa):
    if first == EVEX and isa in ("generic", "avx2"):
        return "encoded for AVX-512"
    if first in VEX and isa == "generic":
        return "encoded for AVX"
    return None


def wrong_instructions(path, isa):
    order = list(LEVELS)
    missing = LEVELS[isa].get(path.name.split(".")[0])
    for line in run("objdump", "-d", "-w", str(path)):
        match = INSTRUCTION.fullmatch(line)
        if not match:
            continue
        text = match[2]
        first = next((b for b in match[1].split() if b not in LEGACY_PREFIXES), "")
        problem = encoding_problem(first, isa)
        for pattern, level in OWN.items():
            if re.match(pattern, text) and order.index(isa) < order.index(level):
                problem = f"of {level}"
        if re.match(NEVER, text):
            problem = "of no level that is asked for"
        if problem:
            yield f"{problem}: {text.strip()}"
            return
        if missing and re.match(missing, text):
            missing = None
    if missing:
        yield f"no instruction is {missing}"


folder = Path(sys.argv[1]) / "src/ops/kernels/CMakeFiles"
objects = sorted(folder.glob("nestvec_kernels_*.dir/*.o"))
is_x86 = any(path.parent.name == "nestvec_kernels_avx2.dir" for path in objects)
found = []
for path in objects:
    isa = re.fullmatch(r"nestvec_kernels_(.*)\.dir", path.parent.name)[1]
    problems = [*foreign_names(path, isa), *(wrong_instructions(path, isa) if is_x86 else ())]
    found += [f"{path.parent.name}/{path.name}: {problem}" for problem in problems]
if not objects:
    found.append(f"{folder}: no kernels there; build them first")
print("\n".join(found) or f"{len(objects)} kernel objects keep to themselves and to their processors")
sys.exit(bool(found))
