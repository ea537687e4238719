#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_kernels.py BUILD: a kernel's object files define names of their own instruction set alone.

Anything else, such as an inline function of the standard library, could be the copy that the linker
keeps for the whole program, and would then run on processors that lack its instructions.
"""
import re
import subprocess
import sys
from pathlib import Path

folder = Path(sys.argv[1]) / "src/ops/kernels/CMakeFiles"
objects = sorted(folder.glob("nestvec_kernels_*.dir/*.o"))
found = []
for path in objects:
    isa = re.fullmatch(r"nestvec_kernels_(.*)\.dir", path.parent.name)[1]
    names = subprocess.run(["nm", "--demangle", "--defined-only", "--extern-only", str(path)],
                           check=True, capture_output=True, text=True).stdout
    for line in names.splitlines():
        name = line.split(maxsplit=2)[2]
        if f"nestvec::{isa}::" not in name:
            found.append(f"{path.parent.name}/{path.name}: defines {name}")
if not objects:
    found.append(f"{folder}: no kernels there; build them first")
print("\n".join(found) or f"{len(objects)} kernel objects keep to themselves")
sys.exit(bool(found))
