# SPDX-License-Identifier: Apache-2.0
"""The bound: the matrix products of a full-size encoder alone, by the programs of bench/.

These use one thread. As many copies run at the same time as there are threads to compare with, each on
a core of its own; their rates add up. Each streams all weights, as threads that share a product do not
need to, so with many threads the bound may be low.
"""

import json
import os
import pathlib
import subprocess
from typing import Any

PROGRAMS = {"gemm_bench": "nestvec's kernels", "onednn_bench": "oneDNN"}
PRECISIONS = {"f32": "fp32", "f32_bf16": "fp32, weights bf16", "bf16": "bf16", "f32_w8": "fp32, int8 weights",
              "bf16_w8": "bf16, int8 weights", "s8": "int8"}


def run_copies(program: pathlib.Path, cores: list[int], seconds: float) -> list[dict[str, Any]]:
    command = [str(program), "--benchmark_format=json", f"--benchmark_min_time={seconds}"]
    copies = [subprocess.Popen(["taskset", "-c", str(core), *command], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL) for core in cores]
    return [json.loads(copy.communicate()[0]) for copy in copies]


def rates(program: pathlib.Path, threads: int, seconds: float) -> list[dict[str, Any]]:
    """Tokens a second through the 96 products, for each precision and number of rows."""
    cores = sorted(os.sched_getaffinity(0))[:threads]
    sums: dict[str, float] = {}
    labels: dict[str, str] = {}
    for output in run_copies(program, cores, seconds):
        for entry in output["benchmarks"]:
            if not entry.get("error_occurred"):
                sums[entry["name"]] = sums.get(entry["name"], 0) + entry["items_per_second"]
                labels[entry["name"]] = entry.get("label", "")
    found = []
    for name, rate in sums.items():
        _, kind, rows = name.split("/")[:3]
        found.append({"program": program.name, "title": PROGRAMS[program.name], "isa": labels[name],
                      "precision": PRECISIONS.get(kind, kind), "rows": int(rows), "tokens_per_second": rate})
    return found


def measure(folder: pathlib.Path, threads: int, seconds: float) -> list[dict[str, Any]]:
    return [rate for name in PROGRAMS if (folder / name).exists() for rate in rates(folder / name, threads, seconds)]


def better(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of two measurements the higher rates: this is a bound."""
    return [max(pair, key=lambda rate: rate["tokens_per_second"]) for pair in zip(first, second, strict=True)]
