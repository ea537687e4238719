#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One process against Ray actors of the same cores: how much of the engine's rate is left.

    build/venv-scaleout/bin/python bench/scaleout/actors.py --model FOLDER --rows 4000

needs the environment that scripts/test-scaleout.sh makes. Texts are words of this repository's documents,
5 to 60 of them; the ways take turns in every round. A way's rate is that between its first finished
partition and its last, so without the start of processes and the load of the model; *start* is that.
"""

import argparse
import os
import pathlib
import random
import statistics
import tempfile
import time

import pyarrow as pa
import pyarrow.parquet as pq
import ray

import nestvec
import nestvec.ray

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTITIONS = 40


def make_corpus(path: pathlib.Path, rows: int) -> None:
    words = " ".join(page.read_text() for page in sorted((ROOT / "docs").glob("*.md"))).split()
    rng = random.Random(1)
    texts = [" ".join(rng.choices(words, k=rng.randint(5, 60))) for _ in range(rows)]
    pq.write_table(pa.table({"text": texts}), path, row_group_size=1000)


def one_process(model: nestvec.Model, corpus: pathlib.Path, rows: int) -> tuple[float, float]:
    """Seconds before the first partition, and texts a second after it."""
    texts = pq.read_table(corpus)["text"].to_pylist()
    size = rows // PARTITIONS
    begin = time.perf_counter()
    model.encode(texts[:size])
    first = time.perf_counter()
    model.encode(texts[size:])
    return first - begin, (rows - size) / (time.perf_counter() - first)


def on_actors(folder: str, corpus: pathlib.Path, rows: int, actors: int, cores: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as output:
        begin = time.time()
        nestvec.ray.embed_files(corpus, output, model=folder, concurrency=actors, num_cpus=cores // actors,
                                partition_rows=rows // PARTITIONS)
        ends = sorted(path.stat().st_mtime for path in pathlib.Path(output).glob("part-*"))
    return ends[0] - begin, (len(ends) - 1) * (rows // PARTITIONS) / (ends[-1] - ends[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    rows = args.rows // PARTITIONS * PARTITIONS
    cores = os.cpu_count() or 1
    ray.init(num_cpus=cores, include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    model = nestvec.Model.load(args.model)
    counts = sorted({1, cores})
    found: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        corpus = pathlib.Path(folder) / "corpus.parquet"
        make_corpus(corpus, rows)
        for _ in range(args.rounds):
            found.setdefault("one process", []).append(one_process(model, corpus, rows))
            for actors in counts:
                name = f"{actors} Ray actor{'s' * (actors > 1)} of {cores // actors} threads"
                found.setdefault(name, []).append(on_actors(args.model, corpus, rows, actors, cores))
    base = statistics.median(rate for _, rate in found["one process"])
    print(f"{rows} texts, {cores} cores, {model.info.id} {model.info.precision}, {args.rounds} rounds\n")
    print("| way | texts/s | to one process | start, s |\n|---|---:|---:|---:|")
    for name, results in found.items():
        rate = statistics.median(rate for _, rate in results)
        start = statistics.median(start for start, _ in results)
        print(f"| {name} | {rate:,.1f} | {rate / base:.1%} | {start:.1f} |")


if __name__ == "__main__":
    main()
