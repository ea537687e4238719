#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_kernels.py BUILD NM OBJDUMP: a kernel's object files define names of their own instruction
set alone, and hold the instructions of that set and of none that it does not include.

Any other name, such as an inline function of the standard library, could be the copy that the
linker keeps for the whole program, and would then run on processors that lack its instructions.
"""
import re
import subprocess
import sys
from pathlib import Path

# An instruction set: the one that it includes, and which instruction must occur in which source.
LEVELS = {
    "generic": (None, {}),
    "avx2": ("generic", {"gemm_f32": r"vfmadd231ps .*%ymm", "gemm_s8": r"vpmaddwd .*%ymm"}),
    "avx_vnni": ("avx2", {"gemm_f32": r"vfmadd231ps .*%ymm", "gemm_s8": r"(\{vex\} )?vpdpbusd .*%ymm"}),
    "avx512": ("avx2", {"gemm_f32": r"vfmadd231ps .*%zmm", "gemm_s8": r"vpmaddwd .*%zmm"}),
    "avx512_vnni": ("avx512", {"gemm_s8": r"vpdpbusd .*%zmm"}),
    "avx512_bf16": ("avx512_vnni", {"gemm_bf16": r"vdpbf16ps .*%zmm", "gemm_s8": r"vpdpbusd .*%zmm"}),
    "amx": ("avx512_bf16", {"gemm_bf16": r"tdpbf16ps .*%tmm", "gemm_s8": r"tdpbusd .*%tmm"}),
    "neon": ("generic", {"gemm_f32": r"fmla\s.*\.s\[", "gemm_s8": r"mla\s.*\.s\["}),
    "neon_dotprod": ("neon", {"gemm_f32": r"fmla\s.*\.s\[", "gemm_s8": r"sdot\s"}),
    "neon_i8mm": ("neon_dotprod", {"gemm_s8": r"usmmla\s"}),
    "neon_bf16": ("neon_i8mm", {"gemm_bf16": r"bfmmla\s", "gemm_s8": r"usmmla\s"}),
}
# Instructions of a level, and the levels that bring them.
OWN_X86 = {r"(\{vex\} )?vpdp\w+ ": {"avx_vnni", "avx512_vnni"},
           r"v\w*bf16\w* |vcvtne2?ps2bf16": {"avx512_bf16"},
           r"(ld|st)tilecfg|tile\w+|tdp\w+ ": {"amx"}}
OWN_ARM = {r"[su]dot\s": {"neon_dotprod"}, r"(usdot|sudot|[su]mmla|usmmla)\s": {"neon_i8mm"},
           r"bf(dot|m\w+|cvt\w*)\s": {"neon_bf16"}}
# Of no level: base/cpu.h does not look for them. Of Arm: atomics, rounding products, half floats,
# SVE.
NEVER_X86 = r"vcvtph2ps|vcvtps2ph|vpconflict|vplzcnt|vpermb |vpermi2b|vpmadd52|vpopcnt|v4f|vp2inter"
NEVER_ARM = r"(ld|st)(add|clr|eor|set)\w*\s|casp?\w*\s|swp\w*\s|sqrdml|crc32|f\w+\s+v\d+\.8h|ptrue|while"
VEX = {"c4", "c5"}
EVEX = "62"
LEGACY_PREFIXES = {"66", "f2", "f3", "2e", "36", "3e", "26", "64", "65", "f0"}
INSTRUCTION = re.compile(r"\s*[0-9a-f]+:\t([0-9a-f ]+)\t(.*)")

BUILD, NM, OBJDUMP = sys.argv[1:]
FOLDER = Path(BUILD) / "src/ops/kernels/CMakeFiles"
IS_ARM = (FOLDER / "nestvec_kernels_neon.dir").exists()
OWN, NEVER = (OWN_ARM, NEVER_ARM) if IS_ARM else (OWN_X86, NEVER_X86)


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def foreign_names(path, isa):
    for line in run(NM, "--demangle", "--defined-only", "--extern-only", str(path)):
        name = line.split(maxsplit=2)[2]
        if f"nestvec::{isa}::" not in name:
            yield f"defines {name}"


def included(isa):
    while isa:
        yield isa
        isa = LEVELS[isa][0]


def encoding_problem(first, isa):
    if IS_ARM:
        return None
    if first == EVEX and "avx512" not in included(isa):
        return "encoded for AVX-512"
    if first in VEX and isa == "generic":
        return "encoded for AVX"
    return None


def wrong_instructions(path, isa):
    levels = set(included(isa))
    missing = LEVELS[isa][1].get(path.name.split(".")[0])
    for line in run(OBJDUMP, "-d", "-w", str(path)):
        match = INSTRUCTION.fullmatch(line)
        if not match:
            continue
        text = match[2]
        first = next((b for b in match[1].split() if b not in LEGACY_PREFIXES), "")
        problem = encoding_problem(first, isa)
        for pattern, owners in OWN.items():
            if re.match(pattern, text) and not owners & levels:
                problem = f"of {' or '.join(sorted(owners))}"
        if re.match(NEVER, text):
            problem = "of no level that is asked for"
        if problem:
            yield f"{problem}: {text.strip()}"
            return
        if missing and re.match(missing, text):
            missing = None
    if missing:
        yield f"no instruction is {missing}"


objects = sorted(FOLDER.glob("nestvec_kernels_*.dir/*.o"))
known = IS_ARM or (FOLDER / "nestvec_kernels_avx2.dir").exists()
found = []
for path in objects:
    isa = re.fullmatch(r"nestvec_kernels_(.*)\.dir", path.parent.name)[1]
    problems = [*foreign_names(path, isa), *(wrong_instructions(path, isa) if known else ())]
    found += [f"{path.parent.name}/{path.name}: {problem}" for problem in problems]
if not objects:
    found.append(f"{FOLDER}: no kernels there; build them first")
print("\n".join(found) or f"{len(objects)} kernel objects keep to themselves and to their processors")
sys.exit(bool(found))
