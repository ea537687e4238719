#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mca.py [--mca PROGRAM] [--compiler PROGRAM] [--x86-compiler PROGRAM]: how near the inner loops of the
products come to the peak of processors that are not at hand, by llvm-mca's models of them.

A loop's products a cycle are set beside those of the same instruction alone, on registers that do
not depend on each other. It is a model: nothing waits for memory, and no branch is foreseen wrongly.
Of Apple's M1 LLVM's model is that of Cyclone, its ancestor. LLVM 19 or newer; compilers for aarch64 and x86-64.
"""
import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
from tables import table  # noqa: E402

FLAGS = ["-std=c++20", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-fPIC",
         f"-I{ROOT}/src", f"-I{ROOT}/include", "-S", "-o"]
ARM = ["-DNESTVEC_NEON", "-fira-region=one", "-march=armv8.2-a+dotprod+i8mm+bf16"]
DOTPROD = ["-DNESTVEC_NEON", "-fira-region=one", "-march=armv8.2-a+dotprod"]
VNNI = ["-mavx2", "-mfma", "-mavxvnni"]

# The loop's name, its source, flags, the function that holds it, and its instruction, whose registers
# %d to %f stand for in what measures the peak.
LOOPS = [
    ("fp32", "gemm_f32", ARM, r"multiply_tile.*Lm8E", "fmla", "fmla v{}.4s, v30.4s, v31.s[0]"),
    ("fp32, weights bf16", "gemm_bf16", ARM, r"multiply_tile.*Lm8E", "fmla", "fmla v{}.4s, v30.4s, v31.s[0]"),
    ("bf16 (bfmmla)", "gemm_bf16", ARM, r"multiply_pair_tile.*Lm6E", "bfmmla", "bfmmla v{}.4s, v30.8h, v31.8h"),
    ("int8 (usmmla)", "gemm_s8", ARM, r"multiply_pair_tile.*Lm6E", "usmmla", "usmmla v{}.4s, v30.16b, v31.16b"),
    ("int8 (sdot)", "gemm_s8", DOTPROD, r"multiply_tile.*Lm8E", "sdot", "sdot v{}.4s, v30.16b, v31.4b[0]"),
    ("int8 (AVX-VNNI)", "gemm_s8", VNNI, r"multiply_tile.*Lm6E", "vpdpbusd",
     "{{vex}} vpdpbusd %ymm14, %ymm15, %ymm{}"),
]
JUMP = re.compile(r"(b|b\.?(eq|ne|cs|cc|hs|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)|blr?|br|cbn?z|tbn?z|j\w+|ret)\s")
ARM_PROCESSORS = {"neoverse-v1": "+bf16,+i8mm", "neoverse-v2": "", "apple-m1": "+bf16,+i8mm"}
X86_PROCESSORS = {"alderlake": ""}


def assembly(compiler, source, flags, folder):
    out = Path(folder) / "out.s"
    subprocess.run([compiler, *FLAGS, str(out), *flags, str(ROOT / f"src/ops/kernels/{source}.cc")],
                   check=True)
    return out.read_text().splitlines()


def inner_loop(lines, function, instruction):
    """The lines without a branch in `function` that hold the most of `instruction`."""
    blocks, inside = [[]], False
    for line in lines:
        text = line.split("//")[0].split("#APP")[0].split("#NO_APP")[0].strip()
        label = re.fullmatch(r"([\w.$]+):", text)
        if label and not label[1].startswith("."):
            inside = bool(re.search(function, label[1]))
        is_jump = JUMP.match(text + " ")
        if label or is_jump:
            blocks.append([])
        elif inside and text and text[0] not in ".#":
            blocks[-1].append(text)
    return max(blocks, key=lambda block: count(block, instruction))


def count(block, instruction):
    return sum(instruction in line.split()[:2] for line in block)


def products_a_cycle(options, block, instruction, target, processor, features):
    arguments = [options.mca, f"-mtriple={target}", f"-mcpu={processor}", "-iterations=300"]
    if features:
        arguments.append(f"-mattr={features}")
    run = subprocess.run(arguments, input="\n".join(block) + "\n", capture_output=True, text=True)
    cycles = re.search(r"Total Cycles:\s+(\d+)", run.stdout)
    if not cycles:
        sys.exit(f"{processor}: {run.stderr}")
    return 300 * count(block, instruction) / int(cycles[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mca", default="llvm-mca-19")
    parser.add_argument("--compiler", default="aarch64-linux-gnu-g++")
    parser.add_argument("--x86-compiler", default="g++")
    options = parser.parse_args()
    rows = [["loop", "processor", "products a cycle", "peak", "share"]]
    for name, source, flags, function, instruction, alone in LOOPS:
        is_arm = flags is not VNNI
        with tempfile.TemporaryDirectory() as folder:
            lines = assembly(options.compiler if is_arm else options.x86_compiler, source, flags, folder)
        block = inner_loop(lines, function, instruction)
        if count(block, instruction) == 0:
            sys.exit(f"{source}: {function} has no {instruction}")
        target = "aarch64" if is_arm else "x86_64"
        stream = [alone.format(i) for i in range(24 if is_arm else 12)]
        for processor, features in (ARM_PROCESSORS if is_arm else X86_PROCESSORS).items():
            where = (instruction, target, processor, features)
            loop = products_a_cycle(options, block, *where)
            peak = products_a_cycle(options, stream, *where)
            rows.append([f"{name}", processor, f"{loop:.2f}", f"{peak:.2f}", f"{loop / peak:.0%}"])
    print(table(rows), end="")


main()
